//! Guests that live while their vTPM's domain is gone. They get its successor only where the
//! administrator's file allows it: its PCRs are blank, so whoever has the guest could forge what was
//! measured into it (docs/decisions/0050-a-boot-is-one-guests-life.md). The vTPM refuses by itself, too.

use super::attaching::{self, Moving, Next, Place};
use super::look::Look;
use crate::host::Host;
use crate::wires::Wire;
use crate::{ours, xl};
use libxl_vtpm::plan::{Problem, Readiness, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The word in a vTPM's `extra=`.
const ALLOWED: &str = "reattach=blank-pcrs";

/// A guest's device.
type Device = (u32, i32);

/// For a guest to be connected to a device that somebody had begun to give it when he was killed: as long as libxl
/// waits, and a little longer.
const TO_CONNECT: Duration = Duration::from_secs(15);

/// A note that somebody has left.
struct Left {
    since: Instant,
    /// What was said of it last.
    said: Option<String>,
}

/// What became of a note.
enum Became {
    /// It is gone, or is waited for.
    Nothing,
    /// The guest was attached to this domain.
    Attached(u32),
    /// The guest has no device, and why.
    Without(String),
}

#[derive(Default)]
pub(super) struct Orphans {
    /// The name of the vTPM's domain, as the guest's configuration has it.
    backends: BTreeMap<Device, String>,
    /// Which successors were decided on.
    decided: BTreeSet<(Device, u32)>,
    /// Devices that were attached and are not connected yet.
    waiting: BTreeSet<Device>,
    /// Notes that were left, by the guest and the device's uuid.
    left: BTreeMap<(u32, String), Left>,
}

impl Orphans {
    /// Attaches the guest to its vTPM, if that was restarted and may have it.
    pub(super) fn take(&mut self, host: &Host, look: &Look, wire: &Wire) {
        if let Err(why) = self.try_take(host, look, wire) {
            println!("{}: its vTPM {} is gone: {why}", who(look, wire.frontend), wire.devid);
        }
    }

    fn try_take(&mut self, host: &Host, look: &Look, wire: &Wire) -> Result<(), Problem> {
        let device = (wire.frontend, wire.devid);
        let Some(name) = self.backend(wire)? else { return Ok(()) };
        let Some(backend) = look.named(&name) else { return Ok(()) };
        if self.decided.contains(&(device, backend))
            || host.nodes.readiness(backend, Role::Vtpm)? != Readiness::Ready
        {
            return Ok(());
        }
        self.decided.insert((device, backend));
        if !is_allowed(&xl::running(backend)?.b_info.cmdline) {
            println!(
                "{}: its vTPM {name} was restarted and has lost the PCRs; the guest is not given to it, \
                 since measurements could be forged. Restart the guest, or add {ALLOWED} to the extra= of \
                 {name}",
                who(look, wire.frontend)
            );
            return Ok(());
        }
        let moving = Moving::of(&host.nodes, wire, &name)?;
        attaching::exchange(host, wire, &moving, backend)?;
        println!("{}: {}", who(look, wire.frontend), attached(&name, backend));
        self.waiting.insert(device);
        Ok(())
    }

    /// Goes on where a service was killed that had taken a guest's device away to attach it anew.
    pub(super) fn go_on(&mut self, host: &Host, look: &Look) -> Result<(), Problem> {
        let notes = attaching::all(&host.nodes)?;
        self.left.retain(|note, _| notes.iter().any(|moving| key(moving) == *note));
        for moving in notes {
            let since = self.found(&moving, look.now);
            let became = self.go_on_with(host, look, &moving, since);
            let said = match became {
                Ok(Became::Nothing) => continue,
                Ok(Became::Attached(backend)) => attached(&moving.name, backend),
                Ok(Became::Without(why)) => without(&moving.name, &why),
                Err(why) => format!("its vTPM was not attached again: {why}"),
            };
            if self.is_news(&moving, &said) {
                println!("{}: {said}", who(look, moving.frontend));
            }
        }
        Ok(())
    }

    /// Since when a note is known.
    fn found(&mut self, moving: &Moving, now: Instant) -> Instant {
        self.left.entry(key(moving)).or_insert(Left { since: now, said: None }).since
    }

    /// Whether this was not said of the note the last time: each turn comes to the same.
    fn is_news(&mut self, moving: &Moving, said: &str) -> bool {
        let Some(left) = self.left.get_mut(&key(moving)) else { return true };
        left.said.replace(said.to_owned()).as_deref() != Some(said)
    }

    fn go_on_with(
        &mut self,
        host: &Host,
        look: &Look,
        moving: &Moving,
        since: Instant,
    ) -> Result<Became, Problem> {
        let vm = ours::identity(&host.nodes, moving.frontend)?;
        let (backend, half) = match attaching::next(moving, vm.as_deref(), look) {
            Next::Forget => return host.forget(moving).map(|()| Became::Nothing),
            // After a restart of everything it may be starting just now.
            Next::Wait if look.now.duration_since(since) < TO_CONNECT => {
                return Ok(Became::Nothing);
            }
            Next::Wait => return Ok(Became::Without(format!("{} is not there", moving.name))),
            Next::Give(backend) => (backend, None),
            Next::Given(wire) => {
                let state = host.nodes.read(&format!(
                    "/local/domain/{}/device/vtpm/{}/state",
                    wire.frontend, wire.devid
                ))?;
                if state.as_deref() == Some("4") {
                    host.forget(moving)?;
                    return Ok(Became::Attached(wire.backend));
                }
                if look.now.duration_since(since) < TO_CONNECT {
                    return Ok(Became::Nothing);
                }
                (wire.backend, Some(wire))
            }
        };
        match host.nodes.readiness(backend, Role::Vtpm)? {
            Readiness::Ready => {}
            Readiness::Failed(why) => {
                return Ok(Became::Without(format!("{} says: {why}", moving.name)));
            }
            Readiness::Starting | Readiness::Locked(_) => return Ok(Became::Nothing),
        }
        // Another one may have been started since.
        if !is_allowed(&xl::running(backend)?.b_info.cmdline) {
            return Ok(Became::Without(format!(
                "{} was restarted and has lost the PCRs; the guest is not given to it, since \
                 measurements could be forged",
                moving.name
            )));
        }
        match half {
            Some(wire) => attaching::exchange(host, &wire, moving, backend)?,
            None => attaching::give(host, moving, backend)?,
        }
        Ok(Became::Attached(backend))
    }

    /// Says of devices that were attached when they are connected.
    pub(super) fn told(&mut self, host: &Host, look: &Look) {
        self.waiting.retain(|(frontend, devid)| {
            let path = format!("/local/domain/{frontend}/device/vtpm/{devid}/state");
            match (look.running(*frontend), host.nodes.read(&path)) {
                (Some(_), Ok(Some(state))) if state == "4" => {
                    println!("{}: its vTPM {devid} is connected", who(look, *frontend));
                    false
                }
                (Some(_), Ok(_)) => true,
                _ => false,
            }
        });
        self.backends.retain(|(frontend, _), _| look.domains.contains_key(frontend));
        self.decided.retain(|((frontend, _), _)| look.domains.contains_key(frontend));
    }

    /// The name that the guest's configuration has for its vTPM's domain.
    fn backend(&mut self, wire: &Wire) -> Result<Option<String>, Problem> {
        let device = (wire.frontend, wire.devid);
        if let Some(name) = self.backends.get(&device) {
            return Ok(Some(name.clone()));
        }
        let vtpms = xl::running(wire.frontend)?.vtpms;
        let found = vtpms.into_iter().find(|vtpm| vtpm.devid == wire.devid);
        let name = found.map(|vtpm| vtpm.backend_domname);
        self.backends.extend(name.clone().map(|name| (device, name)));
        Ok(name)
    }
}

fn is_allowed(cmdline: &str) -> bool {
    cmdline.split_whitespace().any(|word| word == ALLOWED)
}

fn key(moving: &Moving) -> (u32, String) {
    (moving.frontend, moving.uuid.clone())
}

fn without(name: &str, why: &str) -> String {
    format!(
        "it has no TPM device: somebody took the old one away to attach it anew, and was killed; {why}. Restart \
         the guest, or start {name} with {ALLOWED} in its extra="
    )
}

fn attached(name: &str, backend: u32) -> String {
    format!(
        "attached to {name} (domain {backend}), which was restarted, with blank PCRs. The guest's handles \
         and sessions are dead; a command that was under way may delay it by up to 120 s, with a TPM 1.2 \
         by up to 600 s"
    )
}

fn who(look: &Look, domid: u32) -> String {
    let name = look.domains.get(&domid).map_or("a guest", |seen| &seen.name);
    format!("{name} (domain {domid})")
}

#[test]
fn only_the_whole_word_allows_it() {
    assert!(is_allowed("tpm2 reattach=blank-pcrs loglevel=debug"));
    for refused in ["", "tpm2", "reattach=blank", "xreattach=blank-pcrs", "reattach=blank-pcrs2"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

#[test]
fn what_is_in_the_way_of_a_note_that_was_left_is_said_once() {
    let moving = |uuid: &str| Moving {
        frontend: 7,
        uuid: uuid.into(),
        name: "v".into(),
        vm: "/vm/g".into(),
    };
    let (mut orphans, begun) = (Orphans::default(), Instant::now());
    assert_eq!(orphans.found(&moving("a"), begun), begun);
    assert_eq!(orphans.found(&moving("a"), begun + TO_CONNECT), begun, "the first time counts");
    orphans.found(&moving("b"), begun);
    let (gone, refused) = (without("v", "v is not there"), without("v", "v has lost the PCRs"));
    for (uuid, said, is_news) in [
        ("a", &gone, true),
        ("a", &gone, false),
        ("b", &gone, true),
        ("a", &refused, true),
        ("a", &refused, false),
    ] {
        assert_eq!(orphans.is_news(&moving(uuid), said), is_news, "{uuid} {said}");
    }
    for part in
        ["no TPM device", "v is not there", "Restart the guest", "v with reattach=blank-pcrs"]
    {
        assert!(gone.contains(part), "{part}: {gone}");
    }
}
