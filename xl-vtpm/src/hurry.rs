//! The host for somebody who is waited for: nothing begins after the deadline, what is taken back is
//! taken back by force, and a domain that is only late is left to become ready.

use crate::host::Host;
use libxl_vtpm::plan::{
    Done, Halt, NotStarted, Problem, Readiness, Removed, Role, Stopped, Toolstack,
};
use std::path::Path;
use std::time::{Duration, Instant};

/// A host until a deadline.
pub(crate) struct Hurry<'h> {
    pub(crate) host: &'h mut Host,
    pub(crate) deadline: Instant,
    /// How long there was at the beginning, for people.
    pub(crate) limit: Duration,
}

/// What a person hears who starts this guest.
pub(crate) fn too_late(guest: Option<&str>, limit: Duration) -> String {
    format!(
        "it is not ready in the {} s that there are while a guest starts; start the guest once more, or let \
         its vTPM be started at boot: xl-vtpm enable {}",
        limit.as_secs(),
        guest.unwrap_or("GUEST")
    )
}

impl Toolstack for Hurry<'_> {
    fn make_image(&mut self, path: &Path, mib: u32, allocated: bool) -> Result<Done, Problem> {
        self.host.make_image(path, mib, allocated)
    }

    fn remove_image(&mut self, path: &Path, domain: &str) -> Result<Removed, Problem> {
        self.host.remove_image(path, domain)
    }

    fn start_domain(&mut self, name: &str, role: Role, file: &Path) -> Result<Done, NotStarted> {
        self.host.until = Some(self.deadline);
        self.host.start_domain(name, role, file)
    }

    fn start_guest(&mut self, _file: &Path, _for_xl: Option<&str>) -> Result<(), Problem> {
        Err(Problem("a guest is being started already".into()))
    }

    fn stop_domain(&mut self, name: &str) -> Result<Stopped, Problem> {
        self.host.take_back(name, Host::destroy)
    }

    fn readiness(&mut self, name: &str, role: Role) -> Result<Readiness, Problem> {
        self.host.readiness(name, role)
    }

    fn go_on(&mut self) -> Result<(), Halt> {
        self.host.go_on()?;
        if Instant::now() < self.deadline {
            Ok(())
        } else {
            Err(Halt::Late(Problem(too_late(self.host.guest.as_deref(), self.limit))))
        }
    }

    fn clock(&self) -> Duration {
        self.host.clock()
    }

    fn pause(&mut self, time: Duration) {
        self.host.pause(time);
    }
}
