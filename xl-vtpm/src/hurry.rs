//! The host for somebody who is waited for: nothing begins after the deadline, what is taken back is
//! taken back by force, and a domain that is only late is left to become ready.

use crate::host::Host;
use libxl_vtpm::plan::{Done, Halt, Problem, Readiness, Role, Stopped, Toolstack};
use std::path::Path;
use std::time::{Duration, Instant};

/// A host until a deadline.
pub(crate) struct Hurry<'h> {
    pub(crate) host: &'h mut Host,
    pub(crate) deadline: Instant,
    /// How long there was at the beginning, for people.
    pub(crate) limit: Duration,
}

impl Hurry<'_> {
    fn too_late(&self) -> Problem {
        Problem(format!(
            "it is not ready in the {} s that there are while a guest starts; start the guest once \
             more, or let its vTPM be started at boot: xl-vtpm enable {}",
            self.limit.as_secs(),
            self.host.guest.as_deref().unwrap_or("GUEST")
        ))
    }
}

impl Toolstack for Hurry<'_> {
    fn make_image(&mut self, path: &Path, mib: u32, allocated: bool) -> Result<Done, Problem> {
        self.host.make_image(path, mib, allocated)
    }

    fn remove_image(&mut self, path: &Path) -> Result<(), Problem> {
        self.host.remove_image(path)
    }

    fn start_domain(&mut self, name: &str, role: Role, file: &Path) -> Result<Done, Problem> {
        self.host.patience = self.deadline.saturating_duration_since(Instant::now());
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
        if Instant::now() < self.deadline { Ok(()) } else { Err(Halt::Late(self.too_late())) }
    }

    fn clock(&self) -> Duration {
        self.host.clock()
    }

    fn pause(&mut self, time: Duration) {
        self.host.pause(time);
    }
}
