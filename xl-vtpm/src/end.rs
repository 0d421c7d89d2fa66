//! `shutdown` and `manager stop`.

use crate::exit::Exit;
use crate::host::Host;
use libxl_vtpm::plan::{Problem, Role};
use serde_json::json;
use std::time::Duration;

/// Ends a guest, and then the vTPM domains that nobody else uses. A guest is never ended by force.
pub(crate) fn guest(name: &str, limit: Duration, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let domid = host.find(name)?;
    let backends: Vec<u32> = host.xen.vtpms(domid).iter().map(|vtpm| vtpm.backend_domid).collect();
    if !host.end_in_order(domid, limit)? {
        return Err(Exit::not_done(format!(
            "the guest {name} was asked to end and has not after {} s; it and its vTPM run on. Wait \
             with --timeout, or end it with xl destroy {name}",
            limit.as_secs()
        )));
    }
    let mut ended = vec![name.to_owned()];
    for backend in backends {
        if !is_vtpm(&host, backend)? || is_used(&host, backend)? {
            continue;
        }
        let name = host.xen.name_of(backend).unwrap_or_else(|| backend.to_string());
        host.end(backend)
            .map_err(|Problem(why)| Exit::Left(format!("{name} does not end: {why}")))?;
        ended.push(name);
    }
    told(&ended, json);
    Ok(())
}

/// Ends the manager, unless vTPM domains are attached to it.
pub(crate) fn manager(name: &str, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let domid = host.find(name)?;
    if host.nodes.said(domid, Role::Manager, "state")?.is_none() {
        return Err(Exit::not_done(format!("{name} is no manager")));
    }
    if is_used(&host, domid)? {
        return Err(Exit::not_done(format!(
            "vTPM domains are attached to {name}, and could save nothing without it; end their \
             guests first: xl-vtpm list, xl-vtpm shutdown GUEST"
        )));
    }
    host.end(domid).map_err(|why| Exit::not_done(format!("{name} does not end: {why}")))?;
    told(&[name.to_owned()], json);
    Ok(())
}

fn is_vtpm(host: &Host, domid: u32) -> Result<bool, Exit> {
    Ok(host.nodes.said(domid, Role::Vtpm, "state")?.is_some())
}

/// Whether a domain other than domain 0 has a vTPM device of this backend.
fn is_used(host: &Host, backend: u32) -> Result<bool, Exit> {
    let domains = host.xen.domains()?;
    let mut others = domains.iter().filter(|domain| domain.domid != 0);
    Ok(others.any(|domain| {
        host.xen.vtpms(domain.domid).iter().any(|vtpm| vtpm.backend_domid == backend)
    }))
}

fn told(ended: &[String], json: bool) {
    if json {
        println!("{:#}", json!({ "ended": ended }));
    } else {
        ended.iter().for_each(|name| println!("{name} has ended"));
    }
}
