//! A guest's device goes to another vTPM domain: the old one is taken away, then there is a new one of the same
//! identity. What is about to be done is noted before (docs/formats/xenstore-tool-xl-vtpm.md): whoever is
//! killed between the two leaves a guest whose device no node tells of any more.

use super::look::Look;
use crate::host::Host;
use crate::nodes::Nodes;
use crate::ours;
use crate::wires::Wire;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::Problem;
use std::time::Duration;
use xenlight_sys::{Error, NewVtpm, Vtpm};

const NOTES: &str = "/tool/xl-vtpm/attaching";

/// For a guest to notice that its device is gone. A new one of the same number within that time would
/// look to it like the old one.
const TO_NOTICE: Duration = Duration::from_secs(3);

/// A device that is to have another backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moving {
    /// The guest.
    pub(super) frontend: u32,
    /// The device's identity.
    pub(super) uuid: String,
    /// The name of the vTPM's domain.
    pub(super) name: String,
    /// The guest's own node `vm`, which no later domain of its number has.
    pub(super) vm: String,
}

/// What is needed of a host here.
pub(super) trait Place {
    fn note(&self, moving: &Moving) -> Result<(), Problem>;
    fn forget(&self, moving: &Moving) -> Result<(), Problem>;
    fn take(&self, wire: &Wire) -> Result<(), Problem>;
    /// Until the guest has noticed.
    fn rest(&self);
    /// Leaves nothing behind when it fails.
    fn give(&self, moving: &Moving, backend: u32) -> Result<(), Problem>;
}

/// Away with the old device, then a new one of this backend.
pub(super) fn exchange(
    place: &dyn Place,
    wire: &Wire,
    moving: &Moving,
    backend: u32,
) -> Result<(), Problem> {
    place.note(moving)?;
    if let Err(why) = place.take(wire) {
        // The first failure is the one to report.
        let _ = place.forget(moving);
        return Err(why);
    }
    give(place, moving, backend)
}

/// The second half.
pub(super) fn give(place: &dyn Place, moving: &Moving, backend: u32) -> Result<(), Problem> {
    // Whoever was killed may have taken the device away a moment ago.
    place.rest();
    let given = place.give(moving, backend);
    // From here on the guest has it, or somebody is told what to do.
    let forgotten = place.forget(moving);
    given.map_err(|why| {
        let Moving { frontend, uuid, name, .. } = moving;
        Problem(format!(
            "{why}; the guest has none now; to try again: xl vtpm-attach {frontend} uuid={uuid} \
             backend={name}"
        ))
    })?;
    forgotten
}

/// What becomes of a note that somebody has left.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It tells of nothing any more.
    Forget,
    /// The vTPM's domain is not there.
    Wait,
    /// The guest has no device, and its vTPM's domain is this.
    Give(u32),
    /// The guest has this device of its vTPM's domain, and may be connected to it or not.
    Given(Wire),
}

/// `vm` is that of the domain which has the guest's number now.
pub(super) fn next(moving: &Moving, vm: Option<&str>, look: &Look) -> Next {
    let has_it = |wire: &&Wire| (wire.frontend, &wire.uuid) == (moving.frontend, &moving.uuid);
    if vm != Some(&moving.vm) || look.running(moving.frontend).is_none() {
        return Next::Forget;
    }
    let backend = look.named(&moving.name);
    match look.wires.iter().find(has_it) {
        Some(wire) if Some(wire.backend) == backend => Next::Given(wire.clone()),
        // The old one, which has not been taken away yet; or another that somebody has given it.
        Some(_) => Next::Forget,
        None => backend.map_or(Next::Wait, Next::Give),
    }
}

/// All notes.
pub(super) fn all(nodes: &Nodes) -> Result<Vec<Moving>, Problem> {
    let mut found = Vec::new();
    for frontend in nodes.list(NOTES)?.iter().filter_map(|name| name.parse().ok()) {
        for uuid in nodes.list(&format!("{NOTES}/{frontend}"))? {
            let at = |leaf: &str| nodes.read(&format!("{NOTES}/{frontend}/{uuid}/{leaf}"));
            if let (Some(name), Some(vm)) = (at("backend")?, at("vm")?) {
                found.push(Moving { frontend, uuid, name, vm });
            }
        }
    }
    Ok(found)
}

impl Moving {
    pub(super) fn of(nodes: &Nodes, wire: &Wire, name: &str) -> Result<Self, Problem> {
        let vm = ours::identity(nodes, wire.frontend)?.unwrap_or_default();
        Ok(Self { frontend: wire.frontend, uuid: wire.uuid.clone(), name: name.into(), vm })
    }
}

fn bytes_of(uuid: &str) -> Result<[u8; 16], Problem> {
    let parsed = Uuid::try_parse(uuid);
    Ok(*parsed.map_err(|_| Problem(format!("{uuid} is no uuid")))?.as_bytes())
}

impl Place for Host {
    fn note(&self, moving: &Moving) -> Result<(), Problem> {
        let at = |leaf: &str| format!("{NOTES}/{}/{}/{leaf}", moving.frontend, moving.uuid);
        self.nodes.write(&at("backend"), &moving.name)?;
        // Last: a note counts from here on.
        self.nodes.write(&at("vm"), &moving.vm)
    }

    fn forget(&self, moving: &Moving) -> Result<(), Problem> {
        self.nodes.remove(&format!("{NOTES}/{}/{}", moving.frontend, moving.uuid))?;
        let rest = self.nodes.list(&format!("{NOTES}/{}", moving.frontend))?;
        if rest.is_empty() {
            self.nodes.remove(&format!("{NOTES}/{}", moving.frontend))
        } else {
            Ok(())
        }
    }

    fn take(&self, wire: &Wire) -> Result<(), Problem> {
        let uuid = bytes_of(&wire.uuid)?;
        let old = Vtpm { devid: wire.devid, backend_domid: wire.backend, uuid };
        self.xen.destroy_vtpm(wire.frontend, &old).map_err(Problem::from)
    }

    fn rest(&self) {
        std::thread::sleep(TO_NOTICE);
    }

    fn give(&self, moving: &Moving, backend: u32) -> Result<(), Problem> {
        let uuid = bytes_of(&moving.uuid)?;
        // By its number: the rule was checked for this domain, and not for what its name may stand for now.
        let new = NewVtpm { backend: backend.to_string(), uuid };
        self.xen.add_vtpm(moving.frontend, &new).map(drop).map_err(|error: Error| {
            // libxl leaves what it wrote of a device that was not answered.
            let vtpms = self.xen.vtpms(moving.frontend);
            for left in vtpms.iter().filter(|vtpm| vtpm.uuid == uuid) {
                // The first failure is the one to report.
                let _ = self.xen.destroy_vtpm(moving.frontend, left);
            }
            error.into()
        })
    }
}

#[cfg(test)]
#[path = "attaching_tests.rs"]
mod tests;
