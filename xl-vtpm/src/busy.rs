//! A vTPM serves one guest at a time. libxl would wait for it, and not say why it takes no second one.

use crate::exit::Exit;
use crate::host::Host;
use crate::wires;
use libxl_vtpm::plan::Problem;

/// Refuses a vTPM domain that serves somebody who lives.
pub(crate) fn refuse(host: &Host, vtpm: &str) -> Result<(), Exit> {
    let Some(backend) = host.xen.find(vtpm) else { return Ok(()) };
    let domains = host.xen.domains().map_err(Problem::from)?;
    let there = |wanted| domains.iter().any(|it| it.domid == wanted && !it.dying);
    let wires = wires::all(&host.nodes)?;
    let mut of_this = wires.iter().filter(|wire| wire.backend == backend).map(|it| it.frontend);
    let Some(user) = of_this.find(|user| there(*user)) else {
        return Ok(());
    };
    let name = host.xen.name_of(user).unwrap_or_else(|| "a guest".into());
    Err(Exit::not_done(serves(vtpm, &name, user)))
}

fn serves(vtpm: &str, user: &str, domid: u32) -> String {
    format!(
        "{vtpm} serves {user} (domain {domid}) already, and a vTPM serves one guest at a time; end that guest, or \
         detach it: xl-vtpm detach {user}"
    )
}

#[test]
fn the_guest_that_is_in_the_way_is_named() {
    let said = serves("g1-vtpm", "g2", 8);
    assert!(said.starts_with("g1-vtpm serves g2 (domain 8) already"), "{said}");
    assert!(said.ends_with("xl-vtpm detach g2"), "{said}");
}
