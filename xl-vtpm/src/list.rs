//! `list` and `manager status`.

use crate::exit::Exit;
use crate::host::Host;
use crate::named::MANAGER;
use crate::way::Way;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::{Role, unlocking};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

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
    /// How many states the manager has kept of it, where a way to the manager is there.
    generation: Option<u64>,
}

/// Lists the vTPMs of these domains, or of all.
pub(crate) fn run(domains: &[String], records: bool, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let mut rows = Vec::new();
    for domid in wanted(&host, domains)? {
        rows.extend(rows_of(&host, domid)?);
    }
    let generations = generations(&host, &rows, records)?;
    for row in &mut rows {
        let record = identity(&host, row).and_then(|uuid| generations.get(&uuid));
        row.generation = record.copied();
    }
    if json {
        println!("{:#}", json!({ "vtpms": rows }));
        return Ok(());
    }
    println!(
        "{:<16} {:>3} {:>3} {:<36} {:>6} {:>5} {:>6} {:>8} {:<4} {:<9} {:>10} {:<16} BE-path",
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
        "Generation",
        "vTPM"
    );
    rows.iter().for_each(print);
    Ok(())
}

fn print(row: &Row) {
    println!(
        "{:<16} {:>3} {:>3} {:<36} {:>6} {:>5} {:>6} {:>8} {:<4} {:<9} {:>10} {:<16} {}",
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
        row.generation.map_or_else(|| "-".into(), |generation| generation.to_string()),
        row.backend,
        row.backend_path,
    );
}

/// The generations of all records of the rows' managers, by ways that are made for that when the `records` were
/// asked for; else of that to which there is a way.
fn generations(host: &Host, rows: &[Row], records: bool) -> Result<HashMap<Uuid, u64>, Exit> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let mut entries = Vec::new();
    if records {
        let candidates = rows.iter().flat_map(|row| behind(host, row));
        let is_manager = |domid| host.is(domid, Role::Manager);
        let usual = host.xen.find(MANAGER).map(|_| MANAGER);
        for manager in managers(candidates, is_manager, |domid| host.xen.name_of(domid), usual)? {
            entries.extend(Way::to(host, &manager)?.channel()?.list()?);
        }
    } else if let Some(mut way) = Way::existing(host) {
        // Without having been asked for them, a list without generations is a list.
        entries.extend(way.channel()?.list().unwrap_or_default());
    }
    Ok(entries.iter().map(|entry| (Uuid::from_bytes(entry.uuid), entry.generation)).collect())
}

/// The domains that may be the manager of a row's vTPM: the one behind the vTPM's domain, or, in the row of
/// a vTPM domain's own device, the one that it leads to.
fn behind(host: &Host, row: &Row) -> Vec<u32> {
    let own = host.xen.vtpms(row.backend_domid).into_iter().map(|vtpm| vtpm.backend_domid);
    std::iter::once(row.backend_domid).chain(own).collect()
}

/// The names of those that are managers; the usual one, where it runs, if none can be told. There may be none: vTPMs
/// that are ephemeral have no record.
fn managers(
    candidates: impl IntoIterator<Item = u32>,
    is_manager: impl Fn(u32) -> Result<bool, Exit>,
    name_of: impl Fn(u32) -> Option<String>,
    usual: Option<&str>,
) -> Result<BTreeSet<String>, Exit> {
    let mut managers = BTreeSet::new();
    for domid in candidates {
        if is_manager(domid)? {
            managers.extend(name_of(domid));
        }
    }
    if managers.is_empty() {
        managers.extend(usual.map(str::to_owned));
    }
    Ok(managers)
}

/// The uuid by which the manager knows a guest's vTPM: that of the vTPM domain's own device, which is
/// the manager's to serve. A vTPM domain's row is such a device itself.
fn identity(host: &Host, row: &Row) -> Option<Uuid> {
    let own = host.xen.vtpms(row.backend_domid).into_iter().next();
    own.map_or(Some(row.uuid), |own| Some(Uuid::from_bytes(own.uuid)))
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
            generation: None,
        });
    }
    Ok(rows)
}

/// Says whether the manager serves; an error unless it does.
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
        let answer = json!({ "name": name, "domid": domid, "state": state, "tpm": tpm,
                             "image": image, "why": error });
        return Exit::with_answer(serves(name, state.as_deref()).err(), answer);
    }
    println!("{name}: {}", state.as_deref().unwrap_or("it says nothing of itself"));
    let next = (state.as_deref() == Some("locked")).then(|| unlocking(name));
    for (what, text) in
        [("hardware TPM", tpm), ("image", image), ("error", error), ("to open it", next)]
    {
        if let Some(text) = text {
            println!("{what}: {text}");
        }
    }
    serves(name, state.as_deref())
}

fn serves(name: &str, state: Option<&str>) -> Result<(), Exit> {
    match state {
        Some("ready") => Ok(()),
        Some("stopped") => Err(Exit::Manager(format!(
            "the manager {name} does not run; start it: xl-vtpm manager start {name}"
        ))),
        _ => Err(Exit::Manager(format!(
            "the manager {name} does not serve; see xl-vtpm logs {name}"
        ))),
    }
}

#[test]
fn only_a_ready_manager_serves() {
    assert!(serves("m", Some("ready")).is_ok());
    for state in [None, Some("stopped"), Some("starting"), Some("locked"), Some("failed")] {
        assert_eq!(serves("m", state).unwrap_err().number(), 6, "{state:?}");
    }
}

#[test]
fn records_are_asked_of_the_managers_of_the_vtpms_that_are_listed() {
    let asked = |candidates: &[u32], usual| {
        let names = managers(
            candidates.iter().copied(),
            |domid| Ok(domid < 3),
            |domid| Some(format!("mgr{domid}")),
            usual,
        );
        names.unwrap().into_iter().collect::<Vec<_>>()
    };
    // Vtpms 5 and 6 of managers 1 and 2, and 7 of none.
    assert_eq!(asked(&[5, 1, 6, 2, 7, 5, 1], Some("vtpmmgr")), ["mgr1", "mgr2"]);
    assert_eq!(asked(&[7], Some("vtpmmgr")), ["vtpmmgr"]);
    assert!(asked(&[7], None).is_empty(), "a host with ephemeral vTPMs only");
    assert!(managers([1], |_| Err(Exit::not_done("no")), |_| None, None).is_err());
}
