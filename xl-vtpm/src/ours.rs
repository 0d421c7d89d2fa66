//! Which domains these tools have started, noted in xenstore, whose content lives as long as domains'
//! numbers mean something. Domain 0 alone may write there (docs/formats/xenstore-tool-xl-vtpm.md).

use crate::nodes::Nodes;
use libxl_vtpm::plan::{Problem, Role};

/// Where the notes are.
pub(crate) const NOTES: &str = "/tool/xl-vtpm";

/// A domain of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// Its number.
    pub(crate) domid: u32,
    /// What it is for.
    pub(crate) role: Role,
    /// The guest that it was started for, if for one.
    pub(crate) guest: Option<String>,
}

/// What no later domain of the same number has.
pub(crate) fn identity(nodes: &Nodes, domid: u32) -> Result<Option<String>, Problem> {
    nodes.read(&format!("/local/domain/{domid}/vm"))
}

/// Notes a domain that was just started.
pub(crate) fn note(
    nodes: &Nodes,
    domid: u32,
    role: Role,
    guest: Option<&str>,
) -> Result<(), Problem> {
    let at = |leaf: &str| format!("{NOTES}/{domid}/{leaf}");
    nodes.remove(&format!("{NOTES}/{domid}"))?;
    nodes.write(&at("role"), role.word())?;
    if let Some(guest) = guest {
        nodes.write(&at("guest"), guest)?;
    }
    // Last: a note counts from here on.
    nodes.write(&at("vm"), &identity(nodes, domid)?.unwrap_or_default())
}

/// Forgets a domain.
pub(crate) fn forget(nodes: &Nodes, domid: u32) -> Result<(), Problem> {
    nodes.remove(&format!("{NOTES}/{domid}"))
}

/// All domains of ours that are there; notes of others are removed.
pub(crate) fn all(nodes: &Nodes) -> Result<Vec<Note>, Problem> {
    let mut notes = Vec::new();
    for domid in nodes.list(NOTES)?.iter().filter_map(|name| name.parse().ok()) {
        let at = |leaf: &str| nodes.read(&format!("{NOTES}/{domid}/{leaf}"));
        let Some(vm) = at("vm")? else { continue };
        if identity(nodes, domid)?.as_deref() != Some(&vm) {
            forget(nodes, domid)?;
            continue;
        }
        let Some(role) = at("role")?.as_deref().and_then(Role::of_word) else { continue };
        notes.push(Note { domid, role, guest: at("guest")? });
    }
    Ok(notes)
}
