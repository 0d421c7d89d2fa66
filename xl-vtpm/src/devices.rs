//! `attach` and `detach`.

use crate::busy;
use crate::exit::Exit;
use crate::host::Host;
use crate::ours;
use libxl_vtpm::Uuid;
use libxl_vtpm::line::{VtpmLine, uuid_as_xl};
use libxl_vtpm::plan::{Problem, Readiness, Role};
use serde_json::json;
use std::time::{Duration, Instant};
use xenlight_sys::{NewVtpm, Vtpm};

const LOOK: Duration = Duration::from_millis(100);

/// Gives a running guest a vTPM, for which it waits so long if it is starting; without a limit nothing is done. One
/// that cannot be attached leaves nothing behind.
pub(crate) fn attach(
    guest: &str,
    line: &str,
    limit: Option<Duration>,
    json: bool,
) -> Result<(), Exit> {
    let understood = VtpmLine::parse(line).map_err(Exit::not_done)?;
    if understood.line.tpm.is_some() {
        return Err(Exit::not_done(
            "which TPM it is has been decided by the vTPM's own domain; leave tpm= out",
        ));
    }
    let host = Host::open()?;
    let (domid, line) = (host.find(guest)?, understood.line);
    let backend = host.find(&line.backend)?;
    let is_guest = domid != 0 && !host.is(domid, Role::Vtpm)?;
    refuse(&line.backend, backend, is_guest && host.is(backend, Role::Manager)?)?;
    if host.is(backend, Role::Vtpm)? {
        busy::refuse(&host, &line.backend)?;
    }
    let devices = host.xen.vtpms(backend);
    let own = own(&devices, host.is(backend, Role::Manager)?);
    let uuid = identity(&line.backend, line.uuid, own).map_err(Exit::not_done)?;
    let Some(limit) = limit else {
        // One that has failed would be refused, and is.
        is_starting(&host, &line.backend, backend)?;
        would(json, "attach", guest, &VtpmLine { uuid, ..line }.for_xl());
        return Ok(());
    };
    if !in_time(limit, || is_starting(&host, &line.backend, backend))? {
        return Err(Exit::not_done(format!(
            "{} is not ready after {} s; give it longer with --timeout, or see xl-vtpm logs {0}",
            line.backend,
            limit.as_secs()
        )));
    }
    let uuid = uuid.unwrap_or_else(Uuid::new_v4);
    let new = NewVtpm { backend: line.backend.clone(), uuid: *uuid.as_bytes() };
    let devid = add(&host, domid, &new)?;
    told(json, "attached", guest, devid, uuid, &line.backend);
    Ok(())
}

/// Refuses a running domain that holds no TPM of a guest's as that of one which is to be started.
pub(crate) fn holds_one(host: &Host, name: &str) -> Result<(), Exit> {
    let Some(domid) = host.xen.find(name) else { return Ok(()) };
    refuse(name, domid, host.is(domid, Role::Manager)?)
}

fn refuse(name: &str, domid: u32, manager_for_a_guest: bool) -> Result<(), Exit> {
    no_tpm(name, domid, manager_for_a_guest).map_or(Ok(()), |why| Err(Exit::not_done(why)))
}

/// Why this domain has no TPM to give.
fn no_tpm(name: &str, domid: u32, manager_for_a_guest: bool) -> Option<String> {
    if domid == 0 {
        return Some(format!("{name} holds no TPM; name a vTPM domain: backend=GUEST-vtpm"));
    }
    manager_for_a_guest.then(|| {
        format!(
            "{name} is a manager, which holds no guest's TPM; name a vTPM domain: backend=GUEST-vtpm"
        )
    })
}

/// The device by which a domain is a vTPM. A manager's, where it has one, is its own hardware TPM (`hwtpm=tpmfront`).
fn own(devices: &[Vtpm], is_manager: bool) -> Option<&Vtpm> {
    devices.first().filter(|_| !is_manager)
}

/// The vTPM that a domain is, by its own device at the manager; another one's uuid does not make it that.
fn identity(name: &str, asked: Option<Uuid>, own: Option<&Vtpm>) -> Result<Option<Uuid>, String> {
    let own = own.map(|vtpm| Uuid::from_bytes(vtpm.uuid));
    match (asked, own) {
        (Some(asked), Some(own)) if asked != own => {
            Err(format!("{name} is the vTPM {own}; write that uuid, or leave uuid= out"))
        }
        _ => Ok(asked.or(own)),
    }
}

/// Whether a domain will hold TPMs soon, by its own word or because it was started here for that. libxl would
/// not wait for it for longer than ten seconds, and would not say why it takes no device.
fn is_starting(host: &Host, name: &str, domid: u32) -> Result<bool, Problem> {
    for role in [Role::Vtpm, Role::Manager] {
        if host.nodes.said(domid, role, "state")?.is_some() {
            return goes_on(name, host.nodes.readiness(domid, role)?);
        }
    }
    Ok(ours::all(&host.nodes)?.iter().any(|note| note.domid == domid))
}

/// What has failed gets no device. A locked manager does: its recovery key comes by one.
fn goes_on(name: &str, readiness: Readiness) -> Result<bool, Problem> {
    match readiness {
        Readiness::Starting => Ok(true),
        Readiness::Ready | Readiness::Locked(_) => Ok(false),
        Readiness::Failed(why) => Err(Problem(format!("{name} takes no device; it says: {why}"))),
    }
}

/// Waits until something is over, for so long; `false` when it is not by then.
fn in_time(
    limit: Duration,
    mut goes_on: impl FnMut() -> Result<bool, Problem>,
) -> Result<bool, Problem> {
    let begun = Instant::now();
    while goes_on()? {
        if begun.elapsed() >= limit {
            return Ok(false);
        }
        std::thread::sleep(LOOK);
    }
    Ok(true)
}

/// Gives a domain a device; its number.
pub(crate) fn add(host: &Host, domid: u32, new: &NewVtpm) -> Result<i32, Exit> {
    let before: Vec<i32> = host.xen.vtpms(domid).iter().map(|vtpm| vtpm.devid).collect();
    host.xen.add_vtpm(domid, new).or_else(|error| {
        // After a time-out libxl leaves the device's nodes where they are.
        let left: Vec<Vtpm> = host.xen.vtpms(domid);
        for vtpm in left.iter().filter(|vtpm| !before.contains(&vtpm.devid)) {
            host.xen
                .destroy_vtpm(domid, vtpm)
                .map_err(|why| Exit::Left(format!("{error}; and its nodes stay: {why}")))?;
        }
        let sentence = format!(
            "{error}; \"{}\" does not take the device: see its console, and error/backend/vtpm in \
             its part of xenstore",
            new.backend
        );
        Err(Exit::around(&error, &sentence))
    })
}

/// Takes a vTPM from a running guest.
pub(crate) fn detach(guest: &str, which: &str, dry_run: bool, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let domid = host.find(guest)?;
    let vtpms = host.xen.vtpms(domid);
    let found = vtpms.iter().find(|vtpm| is(vtpm, which));
    let vtpm = found.ok_or_else(|| {
        Exit::not_done(format!(
            "{guest} has no vTPM \"{which}\"; write its number or its uuid, see xl-vtpm list {guest}"
        ))
    })?;
    if dry_run {
        let uuid = Uuid::from_bytes(vtpm.uuid);
        would(json, "detach", guest, &format!("vTPM {}, uuid {uuid}", vtpm.devid));
        return Ok(());
    }
    host.xen.remove_vtpm(domid, vtpm)?;
    let backend = host.xen.name_of(vtpm.backend_domid).unwrap_or_default();
    told(json, "detached", guest, vtpm.devid, Uuid::from_bytes(vtpm.uuid), &backend);
    Ok(())
}

/// Digits alone are a number, a whole uuid is one, and nothing else is anything.
fn is(vtpm: &Vtpm, which: &str) -> bool {
    match uuid_as_xl(which) {
        Some(uuid) => *uuid.as_bytes() == vtpm.uuid,
        None => {
            let digits = which.bytes().all(|byte| byte.is_ascii_digit());
            digits && which.parse() == Ok(vtpm.devid)
        }
    }
}

fn would(json: bool, what: &str, guest: &str, vtpm: &str) {
    if json {
        println!("{:#}", json!({ "done": false, what: { "guest": guest, "vtpm": vtpm } }));
    } else {
        println!("It would {what}: {vtpm} of {guest}; nothing was changed");
    }
}

fn told(json: bool, what: &str, guest: &str, devid: i32, uuid: Uuid, backend: &str) {
    if json {
        println!(
            "{:#}",
            json!({ what: { "guest": guest, "devid": devid, "uuid": uuid, "backend": backend } })
        );
    } else {
        println!("{what}: vTPM {devid} of {guest}, uuid {uuid}, held by {backend}");
    }
}

#[test]
fn a_vtpm_is_named_by_number_or_uuid_and_by_nothing_else() {
    let uuid = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";
    let bytes = *Uuid::try_parse(uuid).unwrap().as_bytes();
    let vtpm = Vtpm { devid: 0, backend_domid: 1, uuid: bytes };
    assert!(is(&vtpm, "0") && is(&vtpm, uuid) && is(&vtpm, "00"));
    for other in ["", "zero", "-0", "+0", "0x0", "1", &uuid[1..], &uuid.replace('0', "1")] {
        assert!(!is(&vtpm, other), "{other}");
    }
}

#[test]
fn a_vtpm_that_has_failed_says_why_it_takes_no_device() {
    let why = |readiness| goes_on("v", readiness).map_err(|Problem(why)| why);
    assert_eq!(why(Readiness::Starting), Ok(true));
    assert_eq!(why(Readiness::Ready), Ok(false));
    assert_eq!(why(Readiness::Locked("PCR 7 differs".into())), Ok(false));
    let failed = Readiness::Failed("its disk holds something that is not vTPM state".into());
    let said = "v takes no device; it says: its disk holds something that is not vTPM state";
    assert_eq!(why(failed), Err(said.to_owned()));
}

#[test]
fn what_holds_no_tpm_of_a_guest_and_another_s_uuid_are_refused() {
    assert!(no_tpm("Domain-0", 0, false).unwrap().contains("backend=GUEST-vtpm"));
    assert!(no_tpm("vtpmmgr", 3, true).unwrap().starts_with("vtpmmgr is a manager"));
    assert_eq!(no_tpm("g1-vtpm", 4, false), None);
    let [one, other] = [Uuid::from_bytes([1; 16]), Uuid::from_bytes([2; 16])];
    let devices = [Vtpm { devid: 0, backend_domid: 1, uuid: [1; 16] }];
    let (own, of_manager) = (own(&devices, false), own(&devices, true));
    assert_eq!(identity("v", None, own), Ok(Some(one)), "not a random one");
    assert_eq!(identity("v", Some(one), own), Ok(Some(one)));
    assert_eq!(identity("m", Some(other), of_manager), Ok(Some(other)), "its TPM is not the vTPM");
    assert_eq!(identity("m", None, of_manager), Ok(None));
    assert_eq!(identity("v", Some(other), None), Ok(Some(other)), "an ephemeral one has none");
    let why = identity("v", Some(other), own).unwrap_err();
    assert!(why.starts_with(&format!("v is the vTPM {one}; write that uuid")), "{why}");
}

#[test]
fn what_is_starting_is_waited_for_and_no_longer_than_told() {
    let mut looks = 0;
    let over = in_time(Duration::from_secs(60), || {
        looks += 1;
        Ok(looks < 3)
    });
    assert_eq!((over, looks), (Ok(true), 3));
    assert_eq!(in_time(Duration::ZERO, || Ok(true)), Ok(false));
    let unknown = || Err(Problem("xenstore does not answer".into()));
    assert!(in_time(Duration::from_secs(60), unknown).is_err());
}
