//! `shutdown`, `destroy` and `manager stop`.

use crate::ended::{AllEnded, Ended};
use crate::exit::Exit;
use crate::host::{Host, TO_END};
use crate::wires::{self, Wire};
use crate::{lock, resident};
use clap::Args;
use libxl_vtpm::plan::{Problem, Role};
use serde_json::json;
use std::fmt::Display;
use std::time::{Duration, Instant};
use xenlight_sys::{End, ShutdownReason};

#[derive(Args, Debug)]
pub(crate) struct Shutdown {
    /// The guest's name or number
    guest: String,
    /// How long to wait for the guest to end, in seconds; it is never ended by force
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    timeout: u64,
    /// Say what would be ended, and end nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Destroy {
    /// The guest's name or number
    guest: String,
    /// How long each of its vTPMs may take to end in order before it is ended by force, in seconds
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    timeout: u64,
    /// Say what would be ended, and end nothing
    #[arg(long)]
    dry_run: bool,
}

/// What is about to end.
struct Ending {
    host: Host,
    guest: u32,
    name: String,
    /// The vTPM domains that nobody else uses. One that is gone by then has no name any more: so they are kept.
    vtpms: Vec<(u32, String)>,
}

/// Ends a guest, and then the vTPM domains that nobody else uses. A guest is never ended by force.
pub(crate) fn shutdown(options: &Shutdown, json: bool) -> Result<(), Exit> {
    let ending = Ending::of(&options.guest)?;
    if options.dry_run {
        return ending.would(json);
    }
    ending.guest_in_order(Duration::from_secs(options.timeout))?;
    ending.vtpms(TO_END, json)
}

/// Why a guest that has stopped has not ended.
fn lives_on(reason: ShutdownReason) -> Option<&'static str> {
    match reason {
        ShutdownReason::Reboot => Some("it reboots instead"),
        ShutdownReason::Suspend => Some("it is being saved or moved"),
        _ => None,
    }
}

/// Ends a guest at once, and then in order the vTPM domains that nobody else uses: what the guest was
/// answered is kept.
pub(crate) fn destroy(options: &Destroy, json: bool) -> Result<(), Exit> {
    let ending = Ending::of(&options.guest)?;
    if options.dry_run {
        return ending.would(json);
    }
    ending.host.destroy(ending.guest)?;
    ending.vtpms(Duration::from_secs(options.timeout), json)
}

impl Ending {
    fn of(name: &str) -> Result<Self, Exit> {
        let host = Host::open()?;
        let guest = host.find(name)?;
        if guest == 0 {
            return Err(Exit::not_done("domain 0 is no guest; name one, see xl-vtpm list"));
        }
        if is_used(&host, guest)? {
            return Err(Exit::not_done(format!(
                "{name} holds the TPM of other domains, and is no guest; end those first, see \
                 xl-vtpm list"
            )));
        }
        let name = host.xen.name_of(guest).unwrap_or_else(|| name.to_owned());
        let mut vtpms = Vec::new();
        for backend in host.xen.vtpms(guest).iter().map(|vtpm| vtpm.backend_domid) {
            // A resident one stays for its guest's next start.
            let is_there = |(domid, _): &(u32, String)| *domid == backend;
            let known = vtpms.iter().any(is_there) || is_resident(&host, backend);
            if !known && host.is(backend, Role::Vtpm)? && !is_used_by_others(&host, backend, guest)?
            {
                let name = host.xen.name_of(backend).unwrap_or_else(|| backend.to_string());
                vtpms.push((backend, name));
            }
        }
        Ok(Self { host, guest, name, vtpms })
    }

    /// Asks the guest to end, and waits until whoever started it has taken it away.
    fn guest_in_order(&self, limit: Duration) -> Result<(), Exit> {
        let (xen, name, deadline) = (&self.host.xen, &self.name, Instant::now() + limit);
        let seconds = limit.as_secs();
        xen.shut_down(self.guest)?;
        let reason = match xen.wait_for_end(self.guest, limit)? {
            None => {
                return Err(Exit::not_done(format!(
                    "the guest {name} was asked to end and has not after {seconds} s; it and its vTPM run \
                     on. Wait longer with --timeout, or end it at once: xl-vtpm destroy {name}"
                )));
            }
            Some(End::Gone) => return Ok(()),
            Some(End::Shutdown(reason)) => reason,
        };
        if let Some(why) = lives_on(reason) {
            return Err(Exit::not_done(format!(
                "the guest {name} was asked to end, but {why}; its vTPM is left to it"
            )));
        }
        if xen.wait_for_gone(self.guest, deadline.saturating_duration_since(Instant::now()))? {
            return Ok(());
        }
        Err(Exit::not_done(format!(
            "the guest {name} has ended, and nobody has taken it away after {seconds} s: its configuration \
             keeps it, or its memory is being written; to take it away: xl-vtpm destroy {name}"
        )))
    }

    fn would(&self, json: bool) -> Result<(), Exit> {
        let vtpms = self.vtpms.iter().map(|(_, name)| name.clone());
        let names: Vec<_> = std::iter::once(self.name.clone()).chain(vtpms).collect();
        if json {
            println!("{:#}", json!({ "done": false, "ends": names }));
        } else {
            println!("It would end: {}", names.join(", "));
        }
        Ok(())
    }

    /// Ends the vTPM domains, once the guest is gone.
    fn vtpms(&self, limit: Duration, json: bool) -> Result<(), Exit> {
        let mut ended = vec![(self.name.clone(), Ended::InOrder)];
        // Whoever starts the guest again meanwhile is waited for, and finds its vTPM.
        let left =
            |why: &dyn Display| Exit::Left(format!("{} has ended, its vTPM not: {why}", self.name));
        let until = lock::patience();
        let _guest = lock::guest(&self.name, until).map_err(|why| left(&why))?;
        for (domid, name) in &self.vtpms {
            let _domain = lock::domain(name, until).map_err(|why| left(&why))?;
            // Somebody else may have been given it meanwhile.
            let is_back = self.host.xen.find(&self.name).is_some();
            if is_back || is_used(&self.host, *domid).map_err(|why| left(&why))? {
                continue;
            }
            let failed = |Problem(why)| Exit::Left(format!("{name} does not end: {why}"));
            let how = self.host.end_within(*domid, limit).map_err(failed)?;
            ended.push((name.clone(), how));
        }
        told(&AllEnded { limit, ended }, json);
        Ok(())
    }
}

fn is_resident(host: &Host, domid: u32) -> bool {
    host.xen.name_of(domid).is_some_and(|name| resident::names().contains(&name))
}

/// Ends the manager, unless vTPM domains are attached to it.
pub(crate) fn manager(name: &str, limit: Duration, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let _nobody_starts_it = lock::domain(name, lock::patience())?;
    let domid = host.find(name)?;
    if !host.is(domid, Role::Manager)? {
        return Err(Exit::not_done(format!("{name} is no manager; see xl list")));
    }
    if is_used(&host, domid)? {
        return Err(Exit::not_done(format!(
            "vTPM domains are attached to {name}, and could save nothing without it; end their \
             guests first: xl-vtpm list, xl-vtpm shutdown GUEST"
        )));
    }
    let how = host.end_within(domid, limit);
    let failed = |Problem(why)| Exit::not_done(format!("{name} does not end: {why}"));
    let how = how.map_err(failed)?;
    told(&AllEnded { limit, ended: vec![(name.to_owned(), how)] }, json);
    Ok(())
}

fn is_used(host: &Host, backend: u32) -> Result<bool, Exit> {
    // Domain 0's own way to the manager does not count.
    is_used_by_others(host, backend, 0)
}

/// Whether a domain other than domain 0 and this one has a vTPM device of this backend. By what libxl wrote
/// down itself: libxl's own list is empty also where it could not be read.
fn is_used_by_others(host: &Host, backend: u32, this: u32) -> Result<bool, Exit> {
    let domains: Vec<u32> = host.xen.domains()?.iter().map(|domain| domain.domid).collect();
    let wires = wires::of(&host.nodes, domains.iter().copied());
    has_user(wires, backend, |domid| domid != this && domains.contains(&domid))
}

/// What cannot be told is not taken for unused.
fn has_user(
    wires: Result<Vec<Wire>, Problem>,
    backend: u32,
    counts: impl Fn(u32) -> bool,
) -> Result<bool, Exit> {
    Ok(wires::user(&wires?, backend, counts).is_some())
}

fn told(ended: &AllEnded, json: bool) {
    if json {
        println!("{:#}", ended.json());
    } else {
        ended.lines().for_each(|line| println!("{line}"));
    }
}

#[test]
fn a_guest_that_reboots_or_is_saved_has_not_ended() {
    assert_eq!(lives_on(ShutdownReason::Reboot), Some("it reboots instead"));
    assert_eq!(lives_on(ShutdownReason::Suspend), Some("it is being saved or moved"));
    for reason in [ShutdownReason::Poweroff, ShutdownReason::Crash, ShutdownReason::Watchdog] {
        assert_eq!(lives_on(reason), None, "{reason:?}");
    }
}

#[test]
fn what_cannot_be_told_is_not_taken_for_unused() {
    let wire = |frontend| Wire { frontend, devid: 0, backend: 1, uuid: String::new() };
    let wires = || Ok([0, 2, 3].map(wire).to_vec());
    assert!(has_user(wires(), 1, |_| true).unwrap());
    assert!(!has_user(wires(), 1, |domid| ![2, 3].contains(&domid)).unwrap(), "domain 0 is none");
    let unreadable = Err(Problem("xenstore node /libxl cannot be listed".into()));
    assert!(has_user(unreadable, 1, |_| true).is_err());
}
