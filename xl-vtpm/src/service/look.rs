//! One look at everything that the service goes by.

use crate::host::Host;
use crate::ours::Note;
use crate::wires::Wire;
use crate::{ours, resident, wires};
use libxl_vtpm::plan::{Problem, Role};
use libxl_vtpm::watch::{Seen, View};
use std::collections::BTreeSet;
use std::time::Instant;

/// What there is at one moment.
pub(super) struct Look {
    pub(super) now: Instant,
    pub(super) domains: View,
    /// libxl's own record of all vTPM devices.
    pub(super) wires: Vec<Wire>,
    /// Domains that these tools have started.
    pub(super) notes: Vec<Note>,
    /// Names of resident vTPMs.
    pub(super) residents: BTreeSet<String>,
    /// A run of vtpm-rewire has not finished, or was cut short between two of its steps.
    pub(super) is_rewiring: bool,
}

/// Where vtpm-rewire notes what it is about to do.
const REWIRING: &str = "/tool/vtpm-rewire";

impl Look {
    pub(super) fn take(host: &Host, domains: View) -> Result<Self, Problem> {
        Ok(Self {
            now: Instant::now(),
            wires: wires::of(&host.nodes, domains.keys().copied())?,
            domains,
            notes: ours::all(&host.nodes)?,
            residents: resident::names(),
            is_rewiring: !host.nodes.list(REWIRING)?.is_empty(),
        })
    }

    /// A domain that is there and has not ended.
    pub(super) fn running(&self, domid: u32) -> Option<&Seen> {
        self.domains.get(&domid).filter(|seen| !seen.ended)
    }

    /// The running domain of this name.
    pub(super) fn named(&self, name: &str) -> Option<u32> {
        let mut running = self.domains.iter().filter(|(_, seen)| !seen.ended);
        running.find(|(_, seen)| seen.name == name).map(|(domid, _)| *domid)
    }

    /// Whether there is a domain of this name, even one that has ended: xl may be about to restart it.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.domains.values().any(|seen| seen.name == name)
    }

    /// Devices of running domains whose backend's domain is gone.
    pub(super) fn broken(&self) -> impl Iterator<Item = &Wire> {
        self.wires.iter().filter(|wire| {
            let gone = !self.domains.contains_key(&wire.backend);
            gone && self.running(wire.frontend).is_some()
        })
    }

    /// Whether a domain holds TPMs, as far as that can be seen, so that its own devices are a manager's.
    pub(super) fn is_vtpm(&self, domid: u32) -> bool {
        let Some(seen) = self.domains.get(&domid) else { return false };
        self.notes.iter().any(|note| note.domid == domid && note.role == Role::Vtpm)
            || self.residents.contains(&seen.name)
            || self.wires.iter().any(|wire| wire.backend == domid)
            || matches!(seen.says, Some((Role::Vtpm, _)))
    }
}

/// All domains, and what they say of themselves.
pub(super) fn view(host: &Host) -> Result<View, Problem> {
    let domains = host.xen.domains().map_err(Problem::from)?;
    let mut view = View::new();
    for domain in domains {
        // One that goes meanwhile has no name any more.
        let Some(name) = host.xen.name_of(domain.domid) else { continue };
        let mut says = None;
        for role in [Role::Vtpm, Role::Manager] {
            let word = host.nodes.said(domain.domid, role, "state")?;
            says = says.or_else(|| word.map(|word| (role, word)));
        }
        let ended = domain.shutdown.is_some() || domain.dying;
        view.insert(domain.domid, Seen { uuid: domain.uuid, name, ended, says });
    }
    Ok(view)
}
