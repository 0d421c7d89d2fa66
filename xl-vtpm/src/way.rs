//! The way to the manager: a vTPM device of domain 0's (docs/formats/manager-commands.md).

use crate::devices;
use crate::exit::Exit;
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::path::with_sbin;
use crate::wires::{self, Wire};
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::{Readiness, Role, unlocking};
use manager_client::{Channel, ChannelError};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use xenlight_sys::{NewVtpm, Vtpm};

/// For the kernel's driver to make a device file of the vTPM device.
const PATIENCE: Duration = Duration::from_secs(15);

/// An open way. One that was made for it goes with it.
pub(crate) struct Way<'h> {
    channel: Option<Channel>,
    made: Option<(&'h Host, Vtpm)>,
    /// While one that was made is there: whoever ends the program by a signal does not leave it behind.
    interrupt: Option<Interrupt>,
}

impl<'h> Way<'h> {
    /// Takes the way that is there, or makes one to the manager of this name.
    pub(crate) fn to(host: &'h Host, manager: &str) -> Result<Self, Exit> {
        leads_to(&ways(host)?, manager)?;
        let alive = alive(host)?;
        match Channel::find_among(|number| alive.contains(&number)) {
            Ok(channel) => {
                return Ok(Self { channel: Some(channel), made: None, interrupt: None });
            }
            Err(ChannelError::NoDevice { .. }) => {}
            Err(other) => return Err(other.into()),
        }
        ready(host, manager)?;
        load_driver()?;
        let told = Interrupt::new().map_err(Exit::not_done)?;
        let uuid = Uuid::new_v4();
        let new = NewVtpm { backend: manager.to_owned(), uuid: *uuid.as_bytes() };
        let devid = devices::add(host, 0, &new)?;
        let device = host.xen.vtpms(0).into_iter().find(|vtpm| vtpm.devid == devid);
        // From here on it is taken away again, whatever happens.
        let made = device.map(|device| (host, device));
        let mut way = Self { channel: None, made, interrupt: Some(told.clone()) };
        way.channel = Some(found_in_time(devid, &told)?);
        Ok(way)
    }

    /// The way that is there, if there is one.
    pub(crate) fn existing(host: &Host) -> Option<Self> {
        let alive = alive(host).ok()?;
        let channel = Channel::find_among(|number| alive.contains(&number)).ok()?;
        Some(Self { channel: Some(channel), made: None, interrupt: None })
    }

    /// Who says whether the program is to end, where that is not just done.
    pub(crate) fn interrupt(&self) -> Option<Interrupt> {
        self.interrupt.clone()
    }

    /// What commands are sent by.
    pub(crate) fn channel(&mut self) -> Result<&mut Channel, Exit> {
        self.channel
            .as_mut()
            .ok_or_else(|| Exit::Manager("the way to the manager is closed".into()))
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        // The driver lets go of its device only once nobody has it open.
        self.channel = None;
        if let Some((host, device)) = self.made.take()
            && let Err(error) = host.xen.remove_vtpm(0, &device)
        {
            eprintln!(
                "xl-vtpm: warning: domain 0's device to the manager stays ({error}); take it away: \
                 xl vtpm-detach 0 {}",
                device.devid
            );
        }
    }
}

/// The numbers of domain 0's devices whose other end is there.
fn alive(host: &Host) -> Result<BTreeSet<i32>, Exit> {
    let domains: BTreeSet<u32> = host.xen.domains()?.iter().map(|domain| domain.domid).collect();
    Ok(of_living(&wires::of(&host.nodes, [0])?, |domid| domains.contains(&domid)))
}

fn of_living(wires: &[Wire], there: impl Fn(u32) -> bool) -> BTreeSet<i32> {
    wires.iter().filter(|wire| there(wire.backend)).map(|wire| wire.devid).collect()
}

/// Domain 0's devices that lead to managers: their numbers, and the managers' names.
fn ways(host: &Host) -> Result<Vec<(i32, String)>, Exit> {
    let mut ways = Vec::new();
    for vtpm in host.xen.vtpms(0) {
        if let Some(name) = host.xen.name_of(vtpm.backend_domid)
            && host.is(vtpm.backend_domid, Role::Manager)?
        {
            ways.push((vtpm.devid, name));
        }
    }
    Ok(ways)
}

/// Sees that no other manager would be taken for this one.
fn leads_to(ways: &[(i32, String)], manager: &str) -> Result<(), Exit> {
    match ways.iter().find(|(_, name)| name != manager) {
        None => Ok(()),
        Some((devid, other)) => Err(Exit::Manager(format!(
            "domain 0 has a way to another manager, {other}, which would be asked in the place of \
             {manager}; take it away first: xl-vtpm detach 0 {devid}"
        ))),
    }
}

fn ready(host: &Host, manager: &str) -> Result<(), Exit> {
    let start = "start it: xl-vtpm manager start";
    let domid = host.xen.find(manager).ok_or_else(|| {
        Exit::Manager(format!(
            "there is no manager {manager}; {start} (or name it: --manager NAME)"
        ))
    })?;
    match host.nodes.readiness(domid, Role::Manager)? {
        Readiness::Ready => Ok(()),
        Readiness::Starting => Err(Exit::Manager(format!(
            "the manager {manager} is not ready yet; try again, or see xl-vtpm logs {manager}"
        ))),
        Readiness::Locked(why) => Err(Exit::Manager(format!(
            "the manager {manager} waits for its recovery key: {why}; bring it: {}",
            unlocking(manager)
        ))),
        Readiness::Failed(why) => Err(Exit::Manager(format!("the manager {manager}: {why}"))),
    }
}

fn load_driver() -> Result<(), Exit> {
    let modprobe = with_sbin(&duct::cmd("modprobe", ["xen-tpmfront"]));
    let done = modprobe.stdin_null().stdout_capture().stderr_capture().unchecked().run();
    let done = done.map_err(|error| Exit::Manager(format!("modprobe cannot be run: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    Err(Exit::Manager(format!(
        "domain 0's kernel has no driver for the way to the manager: modprobe xen-tpmfront says: {}",
        String::from_utf8_lossy(&done.stderr).trim()
    )))
}

/// The device of this number, which was made just now.
fn found_in_time(devid: i32, told: &Interrupt) -> Result<Channel, Exit> {
    let start = Instant::now();
    loop {
        match Channel::find_among(|number| number == devid) {
            Ok(channel) => return Ok(channel),
            Err(_) if told.is_told() => return Err(Exit::not_done("it was told to end")),
            Err(error) if start.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

#[test]
fn another_manager_is_never_asked_in_the_place_of_the_named_one() {
    let ways = [(0, "vtpmmgr".to_owned()), (2, "mgr2".to_owned())];
    assert!(leads_to(&[], "mgr2").is_ok() && leads_to(&ways[1..], "mgr2").is_ok());
    for (manager, told) in [("mgr2", "detach 0 0"), ("vtpmmgr", "detach 0 2")] {
        let exit = leads_to(&ways, manager).unwrap_err();
        assert!(exit.number() == 6 && exit.to_string().ends_with(told), "{exit}");
    }
}

#[test]
fn a_device_whose_other_end_is_gone_is_not_asked() {
    let wire = |(devid, backend)| Wire { frontend: 0, devid, backend, uuid: String::new() };
    let wires = [(0, 3), (1, 5), (2, 3)].map(wire);
    assert_eq!(of_living(&wires, |domid| domid != 3), [1].into());
    assert!(of_living(&wires, |_| false).is_empty());
}
