//! What xenconsoled keeps of domains' consoles (xenconsoled(8): `--log=guest`, `--log-dir`).

use std::fs;
use std::path::{Path, PathBuf};

/// Where it keeps them unless it is told otherwise.
const FOLDER: &str = "var/log/xen/console";

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
        let processes = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
        let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        let mut daemons = lines.filter_map(|line| words_of_daemon(&line));
        daemons.next().map_or(Self::NoDaemon, |words| Self::told(root, &words))
    }

    fn told(root: &Path, words: &[String]) -> Self {
        let value = |name| option(words, name);
        match value("--log").as_deref() {
            Some("guest" | "all") => {
                let folder = value("--log-dir").unwrap_or_else(|| FOLDER.into());
                Self::Kept(root.join(folder.trim_start_matches('/')))
            }
            _ => Self::NotKept,
        }
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
}
