//! Names the images of vTPM domains to their manager where nobody has: of those that stock xl has started, and of
//! all once the manager was restarted. Those that xl-vtpm starts are named before they run.

use super::look::Look;
use crate::booted::{self, Booted};
use crate::host::Host;
use crate::wires::Wire;
use crate::{ours, xl};
use libxl_vtpm::plan::Problem;
use std::collections::BTreeSet;

/// Which devices were seen to; each is once, whatever came of it.
#[derive(Default)]
pub(super) struct Naming {
    done: BTreeSet<Wire>,
}

impl Naming {
    /// Sees to one more device, since each takes a run of xl; whether there are others.
    pub(super) fn go_on(&mut self, host: &Host, look: &Look, manager: &str) -> bool {
        self.done.retain(|wire| look.wires.contains(wire));
        let Some(manager) = look.named(manager) else { return false };
        let of_manager = |wire: &&Wire| {
            wire.backend == manager && wire.frontend != 0 && look.running(wire.frontend).is_some()
        };
        for wire in look.wires.iter().filter(of_manager) {
            if self.done.contains(wire) {
                continue;
            }
            match name(host, wire) {
                Ok(Did::Nothing) => {}
                Ok(Did::NotYet) => continue,
                Ok(Did::Named) => {
                    self.done.insert(wire.clone());
                    return true;
                }
                Err(why) => {
                    let name = look.domains.get(&wire.frontend).map_or("a vTPM", |seen| &seen.name);
                    println!("{name} (domain {}): {}", wire.frontend, booted::unnamed(&why));
                }
            }
            self.done.insert(wire.clone());
        }
        false
    }
}

/// What there was to do.
enum Did {
    /// It is named already, or gone.
    Nothing,
    /// Whoever makes it has not finished.
    NotYet,
    Named,
}

fn name(host: &Host, wire: &Wire) -> Result<Did, Problem> {
    let Wire { frontend, devid, backend, .. } = wire;
    let device = format!("/local/domain/{backend}/backend/vtpm/{frontend}/{devid}");
    if booted::is_named(&host.nodes, &device)? != Some(false) {
        return Ok(Did::Nothing);
    }
    // libxl tells of a domain's configuration once all of it is made.
    match host.xen.domain(*frontend).map_err(Problem::from)? {
        Some(domain) if !domain.paused => {}
        _ => return Ok(Did::NotYet),
    }
    let vm = ours::identity(&host.nodes, *frontend)?.unwrap_or_default();
    let begun = host.nodes.read(&format!("{vm}/start_time"))?.unwrap_or_default();
    let kernel = xl::running(*frontend)?.b_info.kernel;
    Booted::since(&kernel, &begun)?.name_to_managers(&host.nodes, *frontend)?;
    Ok(Did::Named)
}
