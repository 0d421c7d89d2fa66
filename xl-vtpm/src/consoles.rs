//! What is kept of domains' consoles: by xenconsoled (xenconsoled(8): `--log=guest`, `--log-dir`), or by our
//! own service where xenconsoled keeps none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where it keeps them unless it is told otherwise.
const FOLDER: &str = "var/log/xen/console";

/// Where the service keeps them.
pub(crate) const BY_SERVICE: &str = "/var/log/xen/vtpm";

/// Whether and where the running xenconsoled keeps consoles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Consoles {
    /// It does, in this folder.
    Kept(PathBuf),
    /// It does not.
    NotKept,
    /// None runs.
    NoDaemon,
}

/// What to do on Debian, whose start script reads that file.
pub(crate) const HOW: &str = "write XENCONSOLED_ARGS=\"--log=guest\" into /etc/default/xen, then run \
                              service xen restart, which restarts xenconsoled alone; what domains \
                              write from then on is kept";

impl Consoles {
    /// Asks the process below `root`'s `proc`.
    pub(crate) fn of(root: &Path) -> Self {
        Daemon::find(root).map_or(Self::NoDaemon, |daemon| daemon.keeps(root))
    }
}

/// A running xenconsoled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// Its process.
    pub(crate) pid: u32,
    words: Vec<String>,
}

impl Daemon {
    /// Looks through all processes below `root`'s `proc`.
    pub(crate) fn find(root: &Path) -> Option<Self> {
        let processes = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
        let mut pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        pids.find_map(|pid| Self::at(root, pid))
    }

    fn at(root: &Path, pid: u32) -> Option<Self> {
        let line = fs::read(root.join(format!("proc/{pid}/cmdline"))).ok()?;
        Some(Self { pid, words: words_of_daemon(&line)? })
    }

    /// Whether it still runs.
    pub(crate) fn runs(&self, root: &Path) -> bool {
        Self::at(root, self.pid).as_ref() == Some(self)
    }

    /// What it was told to keep.
    pub(crate) fn keeps(&self, root: &Path) -> Consoles {
        let value = |name| option(&self.words, name);
        match value("--log").as_deref() {
            Some("guest" | "all") => {
                let folder = value("--log-dir").unwrap_or_else(|| FOLDER.into());
                Consoles::Kept(root.join(folder.trim_start_matches('/')))
            }
            _ => Consoles::NotKept,
        }
    }

    /// The files that it has open: of each console the terminal that it made, for one. Terminals' names are
    /// used again, and the name in xenstore outlives a xenconsoled that has died.
    pub(crate) fn files(&self, root: &Path) -> BTreeSet<PathBuf> {
        let open = fs::read_dir(root.join(format!("proc/{}/fd", self.pid))).into_iter().flatten();
        open.flatten().filter_map(|link| fs::read_link(link.path()).ok()).collect()
    }
}

/// The value of an option among a program's words, `--name VALUE` or `--name=VALUE`.
pub(crate) fn option(words: &[String], name: &str) -> Option<String> {
    let mut values =
        words.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix(name)? {
            "" => words.get(at + 1).cloned(),
            rest => rest.strip_prefix('=').map(str::to_owned),
        });
    values.next()
}

/// A domain's file in that folder.
pub(crate) fn file(folder: &Path, domain: &str) -> PathBuf {
    folder.join(format!("guest-{domain}.log"))
}

/// The domain whose file has this name.
pub(crate) fn domain(file: &str) -> Option<&str> {
    file.strip_prefix("guest-")?.strip_suffix(".log")
}

/// The file that the service had before this one.
pub(crate) fn older(file: &Path) -> PathBuf {
    file.with_added_extension("1")
}

fn words_of_daemon(line: &[u8]) -> Option<Vec<String>> {
    let words =
        line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let words: Vec<String> = words.collect();
    (Path::new(words.first()?).file_name()? == "xenconsoled").then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Consoles {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("proc/77");
        fs::create_dir_all(&process).unwrap();
        fs::write(process.join("cmdline"), line.replace(' ', "\0")).unwrap();
        match Consoles::of(root.path()) {
            Consoles::Kept(folder) => {
                Consoles::Kept(folder.strip_prefix(root.path()).unwrap().to_owned())
            }
            other => other,
        }
    }

    #[test]
    fn the_daemon_s_own_words_say_what_is_kept() {
        let daemon = "/usr/lib/xen-4.17/bin/xenconsoled --pid-file /run/x";
        assert_eq!(said(daemon), Consoles::NotKept);
        assert_eq!(said(&format!("{daemon} --log=hv")), Consoles::NotKept);
        assert_eq!(said(&format!("{daemon} --log=guest")), Consoles::Kept(FOLDER.into()));
        let elsewhere = said(&format!("{daemon} --log all --log-dir=/srv/logs"));
        assert_eq!(elsewhere, Consoles::Kept("srv/logs".into()));
        assert_eq!(said("/bin/sleep 5"), Consoles::NoDaemon);
    }

    #[test]
    fn a_daemon_is_known_by_its_process_and_its_open_files() {
        let root = tempfile::tempdir().unwrap();
        let process = root.path().join("proc/77");
        fs::create_dir_all(process.join("fd")).unwrap();
        fs::create_dir_all(root.path().join("proc/self")).unwrap();
        assert_eq!(Daemon::find(root.path()), None);
        fs::write(process.join("cmdline"), "/bin/xenconsoled\0").unwrap();
        std::os::unix::fs::symlink("/dev/pts/3", process.join("fd/9")).unwrap();
        let daemon = Daemon::find(root.path()).unwrap();
        assert_eq!((daemon.pid, daemon.runs(root.path())), (77, true));
        assert_eq!(daemon.files(root.path()), [PathBuf::from("/dev/pts/3")].into());
        fs::write(process.join("cmdline"), "/bin/xenconsoled\0--log=all\0").unwrap();
        assert!(!daemon.runs(root.path()), "another one has its number now");
    }
}
