//! Tells people and systemd that a TPM is ready, once the kernel has listed its devices. That takes
//! commands to the TPM, so it happens beside serving.

use crate::arguments::Version;
use crate::confine::{Files, Task};
use crate::device::End;
use crate::nodes::{self, Node};
use crate::notify::Notifier;
use crate::{confine, link, registry, say};
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// What is announced.
pub(crate) struct Announcer {
    /// `run` or `relay`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) tpm: Version,
    /// The directory of the state, or the device that is relayed.
    pub(crate) state: PathBuf,
    /// N of /dev/tpmN, where it is known.
    pub(crate) number: Option<u32>,
    /// A second name for /dev/tpmrmN.
    pub(crate) link: Option<PathBuf>,
}

/// An announcement under way, or made.
pub(crate) struct Announced {
    thread: JoinHandle<Result<()>>,
    failed: UnixStream,
}

impl Announcer {
    /// Begins.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(crate) fn start(self, entry: &registry::Entry) -> Result<Announced> {
        let (failed, raised) = UnixStream::pair().context("cannot make a socket pair")?;
        let (file, systemd) = (entry.writer()?, Notifier::of_this_process());
        let thread = thread::Builder::new()
            .name("announcer".into())
            .spawn(move || {
                let outcome = self.confine().and_then(|_| self.announce(file, &systemd));
                if outcome.is_err() {
                    let _ended_already = (&raised).write_all(b"!");
                }
                // Dropping it would wake the server, too.
                std::mem::forget(raised);
                outcome
            })
            .context("cannot start a thread")?;
        Ok(Announced { thread, failed })
    }

    /// Gives up what announcing does not need, as the server does: they share their memory. `false` where no file was
    /// given up.
    fn confine(&self) -> Result<bool> {
        confine::drop_capabilities()?;
        let devices = self.number.map(|_| (Path::new("/sys"), Files::Read));
        let link = self.link.as_deref().and_then(link::folder);
        let folders: Vec<_> =
            devices.into_iter().chain(link.map(|folder| (folder, Files::Linked))).collect();
        let limited = confine::restrict_files(&folders)?;
        confine::filter_calls(Task::Announcing)?;
        Ok(limited)
    }

    fn announce(&self, file: File, systemd: &Notifier) -> Result<()> {
        let nodes = match self.number {
            Some(number) => nodes::of(number, self.tpm == Version::Tpm20)?,
            None => Vec::new(),
        };
        self.link(&nodes);
        let devices: Value = nodes.iter().map(Node::json).collect();
        let tpm = self.tpm.to_string();
        let entry = registry::entry(&self.name, self.kind, &tpm, &self.state, &devices);
        registry::publish(file, &entry)?;
        let paths: Vec<_> = nodes.iter().map(|node| node.path.as_str()).collect();
        let place = if paths.is_empty() { "on standard input".into() } else { paths.join(" ") };
        say::aside(format_args!("ready: {} is TPM {tpm} {place}", self.name));
        systemd.ready(&format!("serving {place}"));
        Ok(())
    }

    /// The devices can be used without it, so that it cannot be made is no reason to end.
    fn link(&self, nodes: &[Node]) {
        if let (Some(link), Some(node)) = (&self.link, nodes.last())
            && let Err(error) = link::make(link, &node.path)
        {
            log::warn!("{error:#}");
        }
    }
}

impl Announced {
    /// Becomes readable when the announcement failed, so that serving ends.
    pub(crate) fn failed(&self) -> BorrowedFd<'_> {
        self.failed.as_fd()
    }

    /// Why it failed, when it did, once serving has ended so. An announcement that still waits is left
    /// alone; one that has said that it failed is about to end.
    ///
    /// # Errors
    /// Exactly then.
    pub(crate) fn outcome(self, end: End) -> Result<()> {
        if end != End::NotAnnounced && !self.thread.is_finished() {
            return Ok(());
        }
        self.thread.join().map_err(|_| anyhow!("the announcement panicked"))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::ErrorKind::PermissionDenied;
    use std::time::Duration;

    #[test]
    fn whoever_announces_reads_of_devices_makes_its_link_and_reaches_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("tpmrm0"));
        fs::write(&file, "x").unwrap();
        let announcer = Announcer {
            kind: "relay",
            name: "relay-tpm0".into(),
            tpm: Version::Tpm20,
            state: "/dev/tpm0".into(),
            number: Some(1),
            link: Some(link.clone()),
        };
        let confined = thread::spawn(move || {
            let limited = announcer.confine().unwrap();
            let device =
                fs::read_to_string("/sys/class/mem/null/dev").map_err(|error| error.kind());
            let linked =
                ["/dev/tpmrm1", "/dev/tpmrm2"].map(|target| link::make(&link, target).is_ok());
            let elsewhere = fs::read("/etc/passwd").map_err(|error| error.kind());
            let written = fs::write(&file, "y").map_err(|error| error.kind());
            (limited, device, linked, elsewhere.err(), written.err())
        });
        let (limited, device, linked, elsewhere, written) = confined.join().unwrap();
        assert_eq!((device.as_deref(), linked), (Ok("1:3\n"), [true; 2]));
        if limited {
            assert_eq!((elsewhere, written), (Some(PermissionDenied), Some(PermissionDenied)));
        } else {
            peers::skip(&"the kernel has no Landlock");
        }
    }

    #[test]
    fn a_failure_that_was_signalled_is_told_though_its_thread_has_not_ended_yet() {
        let announced = || {
            let (failed, _) = UnixStream::pair().unwrap();
            let thread = thread::spawn(|| {
                thread::sleep(Duration::from_millis(300));
                Err(anyhow!("the kernel has not taken the TPM"))
            });
            Announced { thread, failed }
        };
        assert!(announced().outcome(End::NotAnnounced).unwrap_err().to_string().contains("taken"));
        announced().outcome(End::Asked).unwrap();
    }
}
