//! The state directory: one file that is replaced whole, and a lock.

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, Mode, OFlags, openat, renameat};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The file that holds the state.
const STATE: &str = "state";

/// What a save writes before it becomes [`STATE`]; a left-over one was never acknowledged.
const UNFINISHED: &str = "state.new";

/// A state has some ten thousand bytes; what is longer than this is none.
const MOST_BYTES: u64 = 16 << 20;

/// One TPM's directory, held by this process.
pub struct StateDir {
    path: PathBuf,
    /// Open and locked for as long as this value lives.
    folder: File,
}

impl StateDir {
    /// Makes the directory if needed and takes it.
    ///
    /// # Errors
    /// When it cannot be made or another process has it.
    pub fn open(path: &Path) -> Result<Self> {
        let shown = path.display();
        let missing: Vec<_> = path.ancestors().take_while(|folder| is_missing(folder)).collect();
        fs::create_dir_all(path).with_context(|| {
            format!("cannot make {shown}; name another directory for the TPM's state")
        })?;
        let folder = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => bail!(
                "{shown} is in use by another program that serves its TPM: stop that one, or name \
                 another directory"
            ),
            Err(errno) => Err(errno).with_context(|| format!("cannot lock {shown}"))?,
        }
        keep_names(&missing).with_context(|| format!("cannot make {shown} durable"))?;
        Ok(Self { path: path.to_path_buf(), folder })
    }

    /// Where the state's file is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// What was last written; `None` when this directory never held a state.
    ///
    /// # Errors
    /// When there is a file and it cannot be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        match self.contents() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.file().display()))
            }
        }
    }

    fn contents(&self) -> std::io::Result<Vec<u8>> {
        read_from(&self.folder, Path::new(STATE))
    }

    /// The directory that is held, wherever its path leads meanwhile.
    #[must_use]
    pub const fn folder(&self) -> &File {
        &self.folder
    }

    /// Keeps the state. When this returns it survives a crash and a power cut; when it does not,
    /// the one before is still there.
    ///
    /// # Errors
    /// Any failed step; what was acknowledged before is untouched.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        replace(&self.folder, Path::new(STATE), Path::new(UNFINISHED), bytes)
            .with_context(|| format!("cannot keep the TPM's state in {}", self.file().display()))
    }
}

/// All of a file of `folder`, which must be a regular one and no longer than any state: nothing that is
/// put in its place keeps the reader waiting or takes all memory.
///
/// # Errors
/// When there is none, it is something else, or it cannot be read.
pub fn read_from(folder: &File, name: &Path) -> std::io::Result<Vec<u8>> {
    let how = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // A link that leads nowhere at the moment is not a state that never was.
    let opened = openat(folder, name, how, Mode::empty()).map_err(|errno| match errno {
        rustix::io::Errno::LOOP => {
            std::io::Error::other("it is a link, which a save would replace")
        }
        other => other.into(),
    });
    let file = File::from(opened?);
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(std::io::Error::other("it is longer than any TPM's state"));
    }
    Ok(bytes)
}

/// Makes the names of these directories durable, the innermost first.
fn keep_names(made: &[&Path]) -> std::io::Result<()> {
    for folder in made {
        match folder.parent() {
            Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all()?,
            _ => File::open(".")?.sync_all()?,
        }
    }
    Ok(())
}

fn is_missing(folder: &Path) -> bool {
    folder != Path::new("") && !folder.exists()
}

/// Writes `bytes` to `unfinished` of `folder`, then makes that `place`, each step durable before the
/// next. Both are names in the folder that is open: where its path leads meanwhile does not matter.
///
/// # Errors
/// Any failed step.
pub fn replace(
    folder: &File,
    place: &Path,
    unfinished: &Path,
    bytes: &[u8],
) -> std::io::Result<()> {
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, unfinished, how, Mode::RUSR | Mode::WUSR)?);
    file.write_all(bytes)?;
    file.sync_all()?;
    renameat(folder, unfinished, folder, place)?;
    folder.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_state_is_refused_without_waiting_and_without_all_memory() {
        let root = tempfile::tempdir().unwrap();
        let held = StateDir::open(&root.path().join("a/b/tpm")).unwrap();
        let file = held.file();
        let said = || format!("{:#}", held.read().unwrap_err());
        fs::create_dir(&file).unwrap();
        assert!(said().ends_with("it is no file"), "{}", said());
        fs::remove_dir(&file).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &file, fifo, mode, 0).unwrap();
        assert!(said().ends_with("it is no file"), "{}", said());
        fs::remove_file(&file).unwrap();
        for elsewhere in ["nowhere", "/etc/passwd"] {
            std::os::unix::fs::symlink(elsewhere, &file).unwrap();
            assert!(said().ends_with("it is a link, which a save would replace"), "{}", said());
            fs::remove_file(&file).unwrap();
        }
        File::create(&file).unwrap().set_len(1 << 40).unwrap();
        assert!(said().ends_with("longer than any TPM's state"), "{}", said());
    }

    #[test]
    fn a_directory_that_was_moved_away_keeps_its_state_and_the_new_one_keeps_its_own() {
        let root = tempfile::tempdir().unwrap();
        let (path, away) = (root.path().join("tpm"), root.path().join("away"));
        let first = StateDir::open(&path).unwrap();
        first.write(b"one").unwrap();
        fs::rename(&path, &away).unwrap();
        let second = StateDir::open(&path).unwrap();
        second.write(b"two").unwrap();
        first.write(b"one again").unwrap();
        assert_eq!(second.read().unwrap().as_deref(), Some(&b"two"[..]));
        assert_eq!(fs::read(away.join("state")).unwrap(), b"one again");
        assert!(StateDir::open(&away).is_err(), "it is still held");
    }
}
