//! Event channels and pages in great number, and everything of others that Linux's devices might reach.

use anyhow::{Context, Result};
use domain_io::{DomainId, EventPort, GrantRef, PortNumber, Sharing};
use hostile_stubdom::{Random, Target};
use std::fmt;
use xen_devices_sys::Devices;

/// How many at a time.
const MOST: u32 = 300;
/// Numbers of pages and ports of others that are tried.
const TRIED: u32 = 200;

/// What was done.
#[derive(Default)]
pub(crate) struct Crowd {
    ports: u32,
    events: u32,
    pages: u32,
    tried: u32,
    /// Pages and ports of others that were not refused.
    pub(crate) breaches: u32,
}

impl Crowd {
    /// Takes many ports and pages that the backend may use, sends events through all of them, and gives them back.
    ///
    /// # Errors
    /// Linux's devices are not there.
    pub(crate) fn turn(&mut self, random: &mut Random, target: &Target) -> Result<()> {
        let mut devices = Devices::open().context("/dev/xen/gntalloc and gntdev")?;
        let (mut ports, mut pages) = (Vec::new(), Vec::new());
        for _ in 0..random.below(MOST) {
            ports.extend(devices.allocate_port(target.backend));
            pages.extend(devices.grant(target.backend));
        }
        for port in &ports {
            self.events += u32::from(port.notify().is_ok());
        }
        self.ports += u32::try_from(ports.len())?;
        self.pages += u32::try_from(pages.len())?;
        for _ in 0..random.below(MOST) {
            let other = if target.others.is_empty() || random.once_in(3) {
                target.backend
            } else {
                random.pick(&target.others)
            };
            self.reach(&mut devices, other, random.below(TRIED));
        }
        Ok(())
    }

    fn reach(&mut self, devices: &mut Devices, other: DomainId, number: u32) {
        self.tried += 1;
        if devices.map(other, GrantRef(number)).is_ok() {
            self.breach(&format!("page {number} of domain {other} could be mapped"));
        }
        if devices.bind(other, PortNumber(number)).is_ok() {
            self.breach(&format!("port {number} of domain {other} could be bound"));
        }
    }

    fn breach(&mut self, what: &str) {
        self.breaches += 1;
        println!("BREACH: {what}");
    }
}

impl fmt::Display for Crowd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ports, events, pages, tried, .. } = self;
        write!(f, "ports={ports} port-events={events} pages={pages} reached-for={tried}")
    }
}
