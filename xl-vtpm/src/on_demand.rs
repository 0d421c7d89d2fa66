//! `hotplug`: what the disk script block-vtpm calls while xl starts a guest. The vTPM is up before libxl
//! looks for its domain, which it does after all disk scripts have ended.
//!
//! Never by `xl create`: where xl takes memory from domain 0, the `xl create` that runs the script holds
//! xl's lock.

use crate::exit::Exit;
use crate::host::Host;
use crate::hurry::{Hurry, too_late};
use crate::known::Places;
use crate::of_guest::vtpms_of;
use crate::{lock, unfinished};
use libxl_vtpm::plan::{Plan, Problem, Role, Step, apply};
use std::time::{Duration, Instant};

/// Of the 40 s that libxl gives a script (LIBXL_HOTPLUG_TIMEOUT). What is left is for taking back what
/// was done ([`crate::host::TO_END`]), and for the script.
const LIMIT: Duration = Duration::from_secs(18);

const LOOK: Duration = Duration::from_millis(100);

/// Starts the vTPMs of the guest of this number, and waits until they are ready.
pub(crate) fn run(domid: u32) -> Result<(), Exit> {
    let deadline = Instant::now() + LIMIT;
    let mut host = Host::open()?;
    let guest = host.xen.name_of(domid);
    let guest = guest.ok_or_else(|| Exit::not_done(format!("there is no domain {domid}")))?;
    let vtpms = vtpms_of(&guest)?;
    if vtpms.is_empty() {
        // A guest that was renamed, for one: its vTPM may be there all the same.
        eprintln!(
            "xl-vtpm: no vTPM is known for {guest}, and none is started: there is neither \
             /etc/xen/vtpm/{guest}.cfg with a vTPM in it, nor /etc/xen/vtpm/{guest}-vtpm.cfg"
        );
        return Ok(());
    }
    host.guest = Some(guest);
    host.heeds_signals()?;
    for name in &vtpms {
        settle(&host, name, deadline)?;
    }
    start(&mut host, &vtpms, deadline)
}

/// Waits until a vTPM domain that somebody is starting or ending is up or gone; one that was left half made
/// is taken away. The guest's own domain is
/// there already, so nobody begins to end its vTPM from here on.
fn settle(host: &Host, name: &str, deadline: Instant) -> Result<(), Problem> {
    let left = || deadline.saturating_duration_since(Instant::now());
    let mine = lock::domain(name, deadline).map_err(|why| {
        Problem(format!("{name}: {why}; {}", too_late(host.guest.as_deref(), LIMIT)))
    })?;
    unfinished::clear_named(host, name, &mut |line| eprintln!("xl-vtpm: {line}"))?;
    drop(mine);
    while let Some(domid) = host.xen.find(name)
        && is_ending(host, domid)?
        && !left().is_zero()
    {
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn is_ending(host: &Host, domid: u32) -> Result<bool, Problem> {
    let domain = host.xen.domain(domid).map_err(Problem::from)?;
    let over = domain.is_none_or(|domain| domain.shutdown.is_some() || domain.dying);
    Ok(over || host.nodes.said(domid, Role::Vtpm, "state")?.as_deref() == Some("stopping"))
}

fn start(host: &mut Host, vtpms: &[String], deadline: Instant) -> Result<(), Exit> {
    let names: Vec<_> = vtpms.iter().map(|name| (name.clone(), Role::Vtpm)).collect();
    let known = Places { named: &[], beside: None }.known(host, &names)?;
    // Its first start may take minutes, and it is nobody's to take back when this guest has waited too long.
    if let Some(manager) = known.iter().find(|it| it.role == Role::Manager && !it.running) {
        return Err(Exit::not_done(format!(
            "the manager {} does not run; start it first: xl-vtpm manager start {0}",
            manager.name
        )));
    }
    let guest = host.guest.clone().unwrap_or_default();
    // One plan: what was started of it goes when another of the guest's vTPMs fails.
    let plan = Plan::vtpms(&guest, vtpms.iter().map(String::as_str), &known, LIMIT.as_secs());
    let plan = plan.map_err(Exit::not_done)?;
    // Of vTPMs that are up already there is nothing to say.
    let starts = plan.steps.iter().any(|step| matches!(step, Step::StartDomain { .. }));
    let mut hurry = Hurry { host, deadline, limit: LIMIT };
    apply(&plan, &mut hurry, &mut |step| {
        if starts {
            eprintln!("xl-vtpm: {step}");
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::LIMIT;
    use crate::host::TO_END;
    use std::time::Duration;

    /// LIBXL_HOTPLUG_TIMEOUT (Xen tools/libs/light/libxl_internal.h).
    const OF_LIBXL: Duration = Duration::from_secs(40);

    #[test]
    fn there_is_time_to_take_back_before_the_script_ends_it_and_to_say_why_before_libxl_does() {
        let script = include_str!("../../hotplug/block-vtpm");
        let (_, behind) = script.split_once("timeout -k 1 ").unwrap();
        let seconds = behind.split_whitespace().next().unwrap().parse().unwrap();
        let of_script = Duration::from_secs(seconds);
        assert!(LIMIT + TO_END < of_script, "{of_script:?}");
        assert!(of_script + Duration::from_secs(1) < OF_LIBXL, "{of_script:?}");
        assert!(script.contains(&format!("was not up after {seconds} s")));
    }
}
