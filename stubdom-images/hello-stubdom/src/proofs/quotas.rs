//! xenstored's quotas: where they are, by what word it says so, and that they end with their cause.

use super::{Outcome, ensure};
use alloc::format;
use alloc::string::String;
use domain_io::{StoreError, Xenstore};
use xen_guest::{Domain, StoreConnection};

const DIRECTORY: &str = "data/quotas";
/// More than any of today's quotas.
const ENOUGH: usize = 5000;

pub(super) fn reach_them(domain: &mut Domain) -> Outcome {
    let store = &mut domain.store;
    let watched = |number: usize| format!("{DIRECTORY}/{number}");
    let (watches, word) = reach(store, |store, number| store.watch(&watched(number), "quotas"))?;
    // The runtime's own watch counts, too.
    log::info!("QUOTA watches {} {word}", watches + 1);
    for number in 0..watches {
        store.unwatch(&watched(number), "quotas").map_err(|error| format!("{error}"))?;
    }
    ensure!(store.watch(&watched(0), "quotas").is_ok(), "no watch where there is room again");
    store.unwatch(&watched(0), "quotas").map_err(|error| format!("{error}"))?;

    // A node's children count as its bytes, and those have a quota of their own.
    let node = |number: usize| format!("{DIRECTORY}/{}/{number}", number / 100);
    let (nodes, word) = reach(store, |store, number| store.write(&node(number), "x"))?;
    let directories = 1 + nodes.div_ceil(100);
    log::info!("QUOTA nodes {} {word}", nodes + directories);
    ensure!(store.write(&node(0), "y").is_ok(), "a node that exists cannot be changed");
    ensure!(store.write(&node(nodes), "y").is_err(), "there is room for another node");
    store.remove(&node(nodes - 1)).map_err(|error| format!("{error}"))?;
    ensure!(store.write(&node(nodes), "y").is_ok(), "no node where there is room again");
    store.remove(DIRECTORY).map_err(|error| format!("{error}"))?;

    // A message of xenstored's protocol holds 4096 bytes, path included.
    let (mut fits, mut refused) = (0_usize, 4000);
    while refused - fits > 1 {
        let length = fits.midpoint(refused);
        if store.write(DIRECTORY, &"x".repeat(length)).is_ok() {
            fits = length;
        } else {
            refused = length;
        }
    }
    log::info!("QUOTA bytes {fits}");
    store.remove(DIRECTORY).map_err(|error| format!("{error}"))
}

/// How often it goes well, and xenstored's word for why no more.
fn reach(
    store: &mut StoreConnection,
    mut step: impl FnMut(&mut StoreConnection, usize) -> Result<(), StoreError>,
) -> Result<(usize, String), String> {
    for number in 0..ENOUGH {
        match step(store, number) {
            Ok(()) => {}
            Err(StoreError::Refused(word)) => return Ok((number, word)),
            Err(other) => return Err(format!("at {number}: {other}")),
        }
        // Events are not what is counted here.
        while store.next_event().is_some() {}
    }
    Err(format!("no quota within {ENOUGH}"))
}
