//! A vTPM serves one guest at a time. libxl would wait for it, and not say why it takes no second one.

use crate::exit::Exit;
use crate::host::Host;
use crate::wires::{self, Wire};
use libxl_vtpm::plan::Problem;

/// Refuses a vTPM domain that serves somebody who lives.
pub(crate) fn refuse(host: &Host, vtpm: &str) -> Result<(), Exit> {
    let Some(backend) = host.xen.find(vtpm) else { return Ok(()) };
    let domains = host.xen.domains().map_err(Problem::from)?;
    let there = |wanted| domains.iter().any(|it| it.domid == wanted && !it.dying);
    let wires = wires::of(&host.nodes, domains.iter().map(|it| it.domid))?;
    let mut of_this = wires.iter().filter(|wire| wire.backend == backend);
    let Some(wire) = of_this.find(|wire| there(wire.frontend)) else {
        return Ok(());
    };
    let name = host.xen.name_of(wire.frontend).unwrap_or_else(|| wire.frontend.to_string());
    Err(Exit::not_done(serves(vtpm, &name, wire)))
}

fn serves(vtpm: &str, user: &str, Wire { frontend, devid, .. }: &Wire) -> String {
    format!(
        "{vtpm} serves {user} (domain {frontend}) already, and a vTPM serves one guest at a time; end that guest, or \
         detach it: xl-vtpm detach {user} {devid}"
    )
}

#[cfg(test)]
use {crate::arguments::Arguments, clap::Parser};

#[test]
fn the_guest_that_is_in_the_way_is_named() {
    let wire = Wire { frontend: 8, devid: 1, backend: 7, uuid: String::new() };
    let said = serves("g1-vtpm", "g2", &wire);
    assert!(said.starts_with("g1-vtpm serves g2 (domain 8) already"), "{said}");
    let (_, typed) = said.split_once("detach it: ").unwrap();
    Arguments::try_parse_from(typed.split(' ')).unwrap();
    assert!(typed.ends_with(" detach g2 1"), "{said}");
}
