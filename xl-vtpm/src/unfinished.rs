//! Domains that somebody had begun to make when he was killed. What libxl had made of one stays: a paused
//! domain of its name, which would never become ready, with devices and memory.
//!
//! A domain's uuid is noted before it is made (docs/formats/xenstore-tool-xl-vtpm.md), and the note goes
//! when there is somebody who takes the domain away at its end. So a note while nobody holds the lock
//! of its name tells of a domain that was left.

use crate::host::Host;
use crate::lock;
use crate::nodes::Nodes;
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::{Problem, Role};
use std::time::Instant;

/// Where the notes are.
const NOTES: &str = "/tool/xl-vtpm/making";

/// A domain that is being made, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Making {
    /// The domain's own uuid, which it has from its first moment on.
    pub(crate) uuid: Uuid,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The guest that it is for, if for one.
    pub(crate) guest: Option<String>,
}

/// Notes that a domain is about to be made. Its name is locked.
pub(crate) fn note(nodes: &Nodes, making: &Making) -> Result<(), Problem> {
    let at = |leaf: &str| format!("{NOTES}/{}/{leaf}", making.uuid);
    nodes.write(&at("role"), making.role.word())?;
    if let Some(guest) = &making.guest {
        nodes.write(&at("guest"), guest)?;
    }
    // Last: a note counts from here on.
    nodes.write(&at("name"), &making.name)
}

/// The domain is made, and noted as one of ours; or nothing is left of it.
pub(crate) fn forget(nodes: &Nodes, uuid: Uuid) -> Result<(), Problem> {
    nodes.remove(&format!("{NOTES}/{uuid}"))
}

fn all(nodes: &Nodes) -> Result<Vec<Making>, Problem> {
    let mut notes = Vec::new();
    for uuid in nodes.list(NOTES)?.iter().filter_map(|name| Uuid::try_parse(name).ok()) {
        let at = |leaf: &str| nodes.read(&format!("{NOTES}/{uuid}/{leaf}"));
        let role = at("role")?.as_deref().and_then(Role::of_word);
        if let (Some(name), Some(role)) = (at("name")?, role) {
            notes.push(Making { uuid, name, role, guest: at("guest")? });
        }
    }
    Ok(notes)
}

/// Sees to every domain that was left half made; `say` hears what was done, and what could not be. Those
/// that somebody is making now are left alone.
pub(crate) fn clear(host: &Host, say: &mut dyn FnMut(&str)) -> Result<(), Problem> {
    // Who holds it is alive.
    settle_all(host, |name| lock::domain(name, Instant::now()).ok(), say)
}

/// One that cannot be taken away keeps nobody from anything else.
fn settle_all<L>(
    place: &dyn Place,
    lock: impl Fn(&str) -> Option<L>,
    say: &mut dyn FnMut(&str),
) -> Result<(), Problem> {
    for making in place.notes()? {
        let Some(_mine) = lock(&making.name) else { continue };
        if let Err(why) = settle(place, &making.name, say) {
            say(&format!("{} was left half made, and cannot be seen to: {why}", making.name));
        }
    }
    Ok(())
}

/// The same for domains of one name, which the caller has locked.
pub(crate) fn clear_named(
    host: &Host,
    name: &str,
    say: &mut dyn FnMut(&str),
) -> Result<(), Problem> {
    settle(host, name, say)
}

/// What is needed of a host here.
trait Place {
    fn notes(&self) -> Result<Vec<Making>, Problem>;
    fn forget(&self, uuid: Uuid) -> Result<(), Problem>;
    /// The number of the domain, and whether it is paused, as libxl makes each.
    fn find(&self, uuid: Uuid) -> Result<Option<(u32, bool)>, Problem>;
    fn destroy(&self, domid: u32) -> Result<(), Problem>;
    /// Notes it as one of ours, and somebody takes it away at its end.
    fn keep(&self, domid: u32, making: &Making) -> Result<(), Problem>;
}

impl Place for Host {
    fn notes(&self) -> Result<Vec<Making>, Problem> {
        all(&self.nodes)
    }

    fn forget(&self, uuid: Uuid) -> Result<(), Problem> {
        forget(&self.nodes, uuid)
    }

    fn find(&self, uuid: Uuid) -> Result<Option<(u32, bool)>, Problem> {
        let domains = self.xen.domains().map_err(Problem::from)?;
        let mut alive = domains.iter().filter(|domain| !domain.dying);
        let found = alive.find(|domain| domain.uuid == *uuid.as_bytes());
        Ok(found.map(|domain| (domain.domid, domain.paused)))
    }

    fn destroy(&self, domid: u32) -> Result<(), Problem> {
        Self::destroy(self, domid)
    }

    fn keep(&self, domid: u32, making: &Making) -> Result<(), Problem> {
        self.keep(domid, making.role, making.guest.as_deref())
    }
}

fn settle(place: &dyn Place, name: &str, say: &mut dyn FnMut(&str)) -> Result<(), Problem> {
    for making in place.notes()?.iter().filter(|making| making.name == name) {
        let why = "whoever was making it was killed";
        match place.find(making.uuid)? {
            None => {}
            Some((domid, true)) => {
                place.destroy(domid)?;
                say(&format!("{name} (domain {domid}) was half made and is taken away: {why}"));
            }
            Some((domid, false)) => {
                place.keep(domid, making)?;
                say(&format!("{name} (domain {domid}) runs, and is looked after now: {why}"));
            }
        }
        place.forget(making.uuid)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "unfinished_tests.rs"]
mod tests;
