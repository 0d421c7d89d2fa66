//! What a plan needs of a host.

use super::step::Role;
use std::path::Path;
use std::time::Duration;
use std::{fmt, iter};
use xenlight_sys::Error;

/// Why something could not be done: one sentence, and on further lines what Xen's tools said besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub String);

impl Problem {
    /// What Xen's tools said, the cause first: [`xenlight_sys::cause_first`].
    #[must_use]
    pub fn of_lines(lines: &[&str]) -> Self {
        Self(lines.join("\n"))
    }

    /// What Xen's tools said besides.
    pub fn details(&self) -> impl Iterator<Item = &str> {
        self.0.lines().skip(1)
    }
}

/// The sentence.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.lines().next().unwrap_or_default())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let sentence = error.to_string();
        let lines: Vec<&str> = iter::once(&*sentence).chain(error.details()).collect();
        Self::of_lines(&lines)
    }
}

impl std::error::Error for Problem {}

/// What opens a manager that is locked, as it is typed in domain 0 (docs/custody.md).
#[must_use]
pub fn unlocking(manager: &str) -> String {
    format!(
        "modprobe xen-tpmfront; xl vtpm-attach 0 backend={manager}; vtpmmgr-ctl policy \
         recover --key FILE"
    )
}

/// What a manager or a vTPM domain says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Nothing final yet.
    Starting,
    /// It serves.
    Ready,
    /// A manager that cannot open its store, and waits for the recovery key: why.
    Locked(String),
    /// It does not, and will not by itself: why.
    Failed(String),
}

/// Who has done what was to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// This caller, who may have to take it back.
    Here,
    /// Somebody else, between the plan and its step: it is there, and theirs.
    ByAnother,
}

/// Why a domain was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// It cannot be.
    Failed(Problem),
    /// Others were busy for as long as there was time to wait: nothing was begun.
    Busy(Problem),
}

impl From<Problem> for NotStarted {
    fn from(why: Problem) -> Self {
        Self::Failed(why)
    }
}

/// What became of a disk image that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Gone,
    /// It stays: somebody may be using it by now, or has.
    Kept,
}

/// What became of a domain that was to be stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It is gone.
    Gone,
    /// It runs on: another domain uses it by now, this one.
    InUse(String),
}

/// Why no further step is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Nobody has time to wait any more. A domain that is starting becomes ready all the same.
    Late(Problem),
    /// Somebody wants it to end now.
    Interrupted,
}

/// A host's domains and disks. Nothing here waits longer than it must.
pub trait Toolstack {
    /// Makes a file of zeros that only its owner may read; sparse, unless it is to be `allocated`. One that is
    /// there by now is left as it is.
    ///
    /// # Errors
    /// It cannot be made, or not so; nothing is left of it then.
    fn make_image(&mut self, path: &Path, mib: u32, allocated: bool) -> Result<Done, Problem>;

    /// Removes a file made here by [`Toolstack::make_image`], unless it may have become somebody's: another may have
    /// started this domain on it meanwhile.
    ///
    /// # Errors
    /// It cannot be removed.
    fn remove_image(&mut self, path: &Path, domain: &str) -> Result<Removed, Problem>;

    /// Starts the manager or vTPM domain of an xl configuration. One of its name that is there by now is left as
    /// it is.
    ///
    /// # Errors
    /// It does not start; nothing is left of it then.
    fn start_domain(&mut self, name: &str, role: Role, file: &Path) -> Result<Done, NotStarted>;

    /// Starts the guest of an xl configuration; `for_xl` is the text to use in place of the file's.
    ///
    /// # Errors
    /// It does not start; nothing is left of it then.
    fn start_guest(&mut self, file: &Path, for_xl: Option<&str>) -> Result<(), Problem>;

    /// Ends a domain that [`Toolstack::start_domain`] has started: in order if it lets itself be, else by
    /// force. A later domain of its name is left alone, and so is one that others use by now.
    ///
    /// # Errors
    /// It is still there.
    fn stop_domain(&mut self, name: &str) -> Result<Stopped, Problem>;

    /// What a manager or a vTPM domain says of itself.
    ///
    /// # Errors
    /// There is no such domain.
    fn readiness(&mut self, name: &str, role: Role) -> Result<Readiness, Problem>;

    /// Whether there is time left; asked before each step, and while a domain is awaited.
    ///
    /// # Errors
    /// Why not.
    fn go_on(&mut self) -> Result<(), Halt> {
        Ok(())
    }

    /// The time that has passed since a moment of its choice.
    fn clock(&self) -> Duration;

    /// Lets time pass.
    fn pause(&mut self, time: Duration);
}
