//! Which TPMs are being served on this machine: one file each in a folder under /run, locked by the
//! process that serves.

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::{Value, json};
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where it is; `VTPM_PROXY_RUN` names another folder.
const FOLDER: &str = "/run/vtpm-proxy";

/// How often a TPM that was asked to stop is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// How long those who only look ([`is_served`]) may be in the way of one who takes a name.
const LOOKED_AT_WITHIN: Duration = Duration::from_secs(5);

/// The folder of the entries.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("VTPM_PROXY_RUN").map_or_else(|| FOLDER.into(), PathBuf::from)
}

/// A TPM's entry, ours while this lives.
pub(crate) struct Entry {
    path: PathBuf,
    /// Holds the lock. It is not to be written by: whoever takes over a process that serves has it, and [`stop`]
    /// signals the process that the entry names.
    _held: File,
    /// It stays when this goes, as after a kill: that tells [`stop`].
    left: Cell<bool>,
}

impl Entry {
    /// Takes a name.
    ///
    /// # Errors
    /// When another process serves under it, or it cannot be a name.
    pub(crate) fn take(name: &str) -> Result<Self> {
        Self::take_in(&folder(), name)
    }

    fn take_in(folder: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| {
            let shown = folder.display();
            format!("cannot make {shown}: run this as root, or name a folder in VTPM_PROXY_RUN")
        })?;
        let path = path_of(folder, name)?;
        let began = Instant::now();
        loop {
            let file = open(&path)?;
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
                // Those who look share the lock, and not for long; one who serves does not share it.
                let shared = flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
                if !shared || began.elapsed() >= LOOKED_AT_WITHIN {
                    bail!(
                        "a TPM named {name} is already being served: give this one another --name"
                    );
                }
                drop(file);
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            // Its last owner may have removed it between our opening and locking it.
            if same_file(&file, &path)? {
                drop(writer(&path)?);
                return Ok(Self { path, _held: file, left: Cell::new(false) });
            }
        }
    }

    /// The TPM did not end in order.
    pub(crate) fn leave(&self) {
        self.left.set(true);
    }

    /// For [`publish`] from elsewhere, once.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) fn writer(&self) -> Result<File> {
        writer(&self.path)
    }
}

/// Says what is served, in an entry's file.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn publish(mut file: File, entry: &Value) -> Result<()> {
    // In one piece: whoever reads meanwhile finds nothing yet, or all of it.
    file.write_all(format!("{entry}\n").as_bytes()).context("cannot write what is being served")
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.left.get() {
            let _confined_processes_may_not = fs::remove_file(&self.path);
        }
    }
}

/// The file to be locked, made where there is none.
fn open(path: &Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::CREATE | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666));
    opened.map(File::from).with_context(|| format!("cannot write {}", path.display()))
}

/// Of an entry that is ours, emptied.
fn writer(path: &Path) -> Result<File> {
    let opened = File::options().write(true).truncate(true).open(path);
    opened.with_context(|| format!("cannot write {}", path.display()))
}

fn path_of(folder: &Path, name: &str) -> Result<PathBuf> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(fits) {
        bail!("{name:?} cannot be a name: use letters, digits and -_.@, at most 100");
    }
    Ok(folder.join(format!("{name}.json")))
}

fn same_file(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

/// Whether the process that wrote an entry still serves.
fn is_served(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err())
}

/// All that are being served, by name.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn all() -> Result<Vec<Value>> {
    let folder = folder();
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    paths.retain(|path| is_served(path));
    Ok(paths.iter().filter_map(|path| read(path).ok()).collect())
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path)?;
    if text.is_empty() {
        bail!(
            "{} is not ready yet: try again in a moment",
            path.file_stem().unwrap_or_default().display()
        );
    }
    serde_json::from_str(&text).with_context(|| format!("{} is not whole", path.display()))
}

/// The one of this name.
///
/// # Errors
/// When there is none.
pub(crate) fn one(name: &str) -> Result<Value> {
    let path = path_of(&folder(), name)?;
    if !is_served(&path) {
        bail!("no TPM named {name} is being served; vtpm-proxy list shows those that are");
    }
    read(&path)
}

/// Asks the one of this name to stop and waits until it has.
///
/// # Errors
/// When there is none, it may not be asked, or it takes longer.
pub(crate) fn stop(name: &str, patience: Duration) -> Result<()> {
    let entry = one(name)?;
    let pid = entry["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let pid = pid.with_context(|| format!("the entry of {name} names no process"))?;
    let process = pidfd_open(pid, PidfdFlags::empty())
        .with_context(|| format!("cannot find the process of {name}"))?;
    let path = path_of(&folder(), name)?;
    if is_served(&path) && read(&path)? != entry {
        bail!("another {name} has just been started: look at vtpm-proxy list");
    }
    if !is_served(&path) {
        return in_order(name, &path);
    }
    pidfd_send_signal(&process, Signal::TERM)
        .with_context(|| format!("cannot ask process {} to stop", pid.as_raw_nonzero()))?;
    let began = Instant::now();
    while is_served(&path) {
        if began.elapsed() >= patience {
            bail!("{name} has not stopped within {} s: look at its log", patience.as_secs());
        }
        std::thread::sleep(GLANCE);
    }
    in_order(name, &path)
}

/// Of one that has ended: whether it did so in order.
fn in_order(name: &str, path: &Path) -> Result<()> {
    if path.exists() {
        bail!("{name} has ended, but not in order: look at its log");
    }
    Ok(())
}

/// What an entry says.
pub(crate) fn entry(name: &str, kind: &str, tpm: &str, state: &Path, nodes: &Value) -> Value {
    json!({
        "name": name,
        "kind": kind,
        "tpm": tpm,
        "pid": std::process::id(),
        "state": state.display().to_string(),
        "devices": nodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn names_that_could_leave_the_folder_are_refused() {
        let folder = Path::new("/run/x");
        for bad in ["", ".", "..", "a/b", "/etc/passwd", ".hidden", "a b", "ä"] {
            assert!(path_of(folder, bad).is_err(), "{bad}");
        }
        assert_eq!(path_of(folder, "web-1").unwrap(), Path::new("/run/x/web-1.json"));
    }

    #[test]
    fn somebody_who_only_looks_keeps_nobody_from_a_name_and_one_who_serves_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), "web").unwrap();
        let looking = AtomicBool::new(true);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while looking.load(Ordering::Relaxed) {
                    let _either = is_served(&path);
                }
            });
            let taken = (0..3000).try_for_each(|_| Entry::take_in(folder.path(), "web").map(drop));
            looking.store(false, Ordering::Relaxed);
            taken.unwrap();
        });
        let _served = Entry::take_in(folder.path(), "web").unwrap();
        let refused = Entry::take_in(folder.path(), "web").err().unwrap().to_string();
        assert!(refused.contains("already being served"), "{refused}");
    }

    #[test]
    fn an_entry_is_written_in_one_piece_so_that_nobody_reads_a_part() {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        let entry = entry("web", "run", "2.0", Path::new("/s"), &json!([]));
        publish(File::from(std::os::fd::OwnedFd::from(ours)), &entry).unwrap();
        let mut bytes = [0; 500];
        let count = theirs.recv(&mut bytes).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&bytes[..count]).unwrap(), entry);
    }

    #[test]
    fn an_entry_stays_only_when_its_tpm_did_not_end_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_of(folder.path(), "web").unwrap();
        drop(Entry::take_in(folder.path(), "web").unwrap());
        assert!(!path.exists());
        Entry::take_in(folder.path(), "web").unwrap().leave();
        assert!(path.exists() && !is_served(&path));
    }
}
