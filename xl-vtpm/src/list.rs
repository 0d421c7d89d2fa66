//! `list` and `manager status`.

use crate::exit::Exit;
use crate::host::Host;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::Role;
use serde::Serialize;
use serde_json::json;

/// A vTPM device: xl's own columns, and what the vTPM's domain says.
#[derive(Serialize)]
struct Row {
    guest: String,
    domid: u32,
    devid: i32,
    backend: String,
    backend_domid: u32,
    uuid: Uuid,
    /// The frontend's (Xen public/io/xenbus.h).
    state: i32,
    event_channel: i32,
    ring_ref: i32,
    backend_path: String,
    /// 1.2 or 2.0, of a vTPM domain that says so.
    tpm: Option<String>,
    /// ready, starting, failed, …
    health: Option<String>,
}

/// Lists the vTPMs of these domains, or of all.
pub(crate) fn run(domains: &[String], json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let mut rows = Vec::new();
    for domid in wanted(&host, domains)? {
        rows.extend(rows_of(&host, domid)?);
    }
    if json {
        println!("{:#}", json!({ "vtpms": rows }));
        return Ok(());
    }
    println!(
        "{:<16} {:>3} {:>3} {:<36} {:>6} {:>5} {:>6} {:>8} {:<4} {:<9} {:<16} BE-path",
        "Guest",
        "Idx",
        "BE",
        "Uuid",
        "handle",
        "state",
        "evt-ch",
        "ring-ref",
        "TPM",
        "Health",
        "vTPM"
    );
    rows.iter().for_each(print);
    Ok(())
}

fn print(row: &Row) {
    println!(
        "{:<16} {:>3} {:>3} {:<36} {:>6} {:>5} {:>6} {:>8} {:<4} {:<9} {:<16} {}",
        row.guest,
        row.devid,
        row.backend_domid,
        row.uuid,
        row.devid,
        row.state,
        row.event_channel,
        row.ring_ref,
        row.tpm.as_deref().unwrap_or("-"),
        row.health.as_deref().unwrap_or("-"),
        row.backend,
        row.backend_path,
    );
}

fn wanted(host: &Host, names: &[String]) -> Result<Vec<u32>, Exit> {
    if names.is_empty() {
        return Ok(host.xen.domains()?.iter().map(|domain| domain.domid).collect());
    }
    names.iter().map(|name| host.find(name)).collect()
}

fn rows_of(host: &Host, domid: u32) -> Result<Vec<Row>, Exit> {
    let guest = host.xen.name_of(domid).unwrap_or_else(|| domid.to_string());
    let mut rows = Vec::new();
    for vtpm in host.xen.vtpms(domid) {
        // A device that goes meanwhile is none any more.
        let Ok(state) = host.xen.vtpm_state(domid, &vtpm) else { continue };
        let said = |node: &str| {
            let vtpm_says = host.nodes.said(vtpm.backend_domid, Role::Vtpm, node)?;
            match vtpm_says {
                Some(said) => Ok(Some(said)),
                None => host.nodes.said(vtpm.backend_domid, Role::Manager, node),
            }
        };
        rows.push(Row {
            guest: guest.clone(),
            domid,
            devid: vtpm.devid,
            backend: host.xen.name_of(vtpm.backend_domid).unwrap_or_else(|| "(gone)".into()),
            backend_domid: vtpm.backend_domid,
            // libxl's own copy: the backend may change the one in its directory.
            uuid: Uuid::from_bytes(state.uuid),
            state: state.state,
            event_channel: state.event_channel,
            ring_ref: state.ring_ref,
            backend_path: state.backend,
            tpm: said("tpm")?,
            health: said("state")?,
        });
    }
    Ok(rows)
}

/// Says whether the manager serves.
pub(crate) fn manager(name: &str, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let domid = host.xen.find(name);
    let said = |node: &str| match domid {
        Some(domid) => host.nodes.said(domid, Role::Manager, node),
        None => Ok(None),
    };
    let state = if domid.is_some() { said("state")? } else { Some("stopped".into()) };
    let (tpm, image, error) = (said("tpm")?, said("image")?, said("error")?);
    if json {
        println!(
            "{:#}",
            json!({ "name": name, "domid": domid, "state": state, "tpm": tpm, "image": image,
                    "error": error })
        );
        return Ok(());
    }
    println!("{name}: {}", state.as_deref().unwrap_or("it says nothing of itself"));
    for (what, text) in [("hardware TPM", tpm), ("image", image), ("error", error)] {
        if let Some(text) = text {
            println!("{what}: {text}");
        }
    }
    Ok(())
}
