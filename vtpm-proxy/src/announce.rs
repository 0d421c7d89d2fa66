//! Tells people and systemd that a TPM is ready, once the kernel has listed its devices. That takes
//! commands to the TPM, so it happens beside serving.

use crate::arguments::Version;
use crate::nodes::{self, Node};
use crate::{confine, registry};
use anyhow::{Context, Result, anyhow};
use sd_notify::NotifyState;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

/// What is announced.
pub(crate) struct Announcer {
    /// `run` or `relay`.
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) tpm: Version,
    /// The directory of the state, or the device that is relayed.
    pub(crate) state: PathBuf,
    /// N of /dev/tpmN.
    pub(crate) number: u32,
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
        let file = entry.writer()?;
        let thread = thread::Builder::new()
            .name("announcer".into())
            .spawn(move || {
                let outcome = confine::drop_capabilities().and_then(|()| self.announce(file));
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

    fn announce(&self, file: File) -> Result<()> {
        let nodes = nodes::of(self.number, self.tpm == Version::Tpm20)?;
        let devices: Value = nodes.iter().map(Node::json).collect();
        let tpm = self.tpm.to_string();
        let entry = registry::entry(&self.name, self.kind, &tpm, &self.state, &devices);
        registry::publish(file, &entry)?;
        let paths: Vec<_> = nodes.iter().map(|node| node.path.as_str()).collect();
        println!("ready: {} is TPM {tpm} {}", self.name, paths.join(" "));
        let status = format!("serving {}", paths.join(" "));
        let _not_run_by_systemd =
            sd_notify::notify(false, &[NotifyState::Ready, NotifyState::Status(&status)]);
        Ok(())
    }
}

impl Announced {
    /// Becomes readable when the announcement failed, so that serving ends.
    pub(crate) fn failed(&self) -> BorrowedFd<'_> {
        self.failed.as_fd()
    }

    /// Why it failed, when it did. An announcement that still waits is left alone.
    ///
    /// # Errors
    /// Exactly then.
    pub(crate) fn outcome(self) -> Result<()> {
        if !self.thread.is_finished() {
            return Ok(());
        }
        self.thread.join().map_err(|_| anyhow!("the announcement panicked"))?
    }
}
