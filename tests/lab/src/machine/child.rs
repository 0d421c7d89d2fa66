//! Child processes that never outlive the lab.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};

/// A process in a group of its own (a Ctrl-C at the terminal is the lab's to handle), killed when
/// this is dropped and, by the kernel, when the lab itself dies.
pub(super) struct Child(process::Child);

impl Child {
    /// Starts `words` by way of setpriv, which asks the kernel for a signal at the parent's death
    /// and then becomes the program.
    pub(super) fn spawn(
        words: &[String],
        variables: &[(&str, PathBuf)],
        errors: Option<File>,
    ) -> Result<Self> {
        let mut command = Command::new("setpriv");
        command.envs(variables.iter().cloned());
        command
            .args(["--pdeathsig", "KILL", "--"])
            .args(words)
            .stdin(Stdio::null())
            .process_group(0);
        command.stdout(Stdio::null());
        command.stderr(errors.map_or_else(Stdio::null, Stdio::from));
        let started = command.spawn().context("cannot run setpriv (package util-linux)")?;
        Ok(Self(started))
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Stops it where it is, or lets it go on.
    pub(super) fn hold(&self, held: bool) -> Result<()> {
        let signal = if held { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.0), signal).context("cannot signal a child")
    }

    /// Ends it at once (SIGKILL), if it has not ended yet, and waits until it is gone.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.0.kill().context("cannot kill a child")?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _gone_meanwhile = self.0.kill();
        }
        let _already_reaped = self.0.wait();
    }
}
