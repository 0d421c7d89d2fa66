//! Two domains that share a page and an event channel. The script carries the numbers from the
//! front (node `data/offer`) to the back (its command line).

use super::{Outcome, ensure, number};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, DomainId, EventPort, GrantRef, PortNumber, SharedPage, Sharing, Xenstore};
use xen_guest::{Domain, Page, Port};

const ROUNDS: u32 = 1000;
/// Pages that the front offers; Xen lets one page be mapped less than 128 times at once.
const OFFERED: u32 = 8;
/// Mappings of each unless `copies=` says otherwise.
const COPIES: u32 = 40;
const PATIENCE: Duration = Duration::from_secs(200);
/// Offsets in the page of the number each side writes.
const FROM_FRONT: usize = 0;
const FROM_BACK: usize = 4;

fn text(error: impl core::fmt::Display) -> String {
    format!("{error}")
}

fn peer(domain: &Domain) -> Result<DomainId, String> {
    Ok(DomainId(u16::try_from(number(domain, "peer")?).map_err(text)?))
}

/// Waits until the word at `offset` is `wanted`.
fn wait_for(domain: &Domain, page: &Page, port: &Port, offset: usize, wanted: u32) -> Outcome {
    let until = domain.clock.now() + PATIENCE;
    loop {
        port.take_pending();
        let now = page.load_u32(offset).map_err(text)?;
        if now == wanted {
            return Ok(());
        }
        ensure!(domain.clock.now() < until, "the peer stayed at {now} and did not reach {wanted}");
        domain.waiter.wait(&[port.number()], Some(until));
    }
}

/// Offers a page to domain `peer=`, which need not exist yet, and plays a thousand rounds.
pub(super) fn front(domain: &mut Domain) -> Outcome {
    let peer = peer(domain)?;
    let (page, grant) = domain.sharing.grant(peer).map_err(text)?;
    let port = domain.sharing.allocate_port(peer).map_err(text)?;
    let mut others = Vec::new();
    for number in 1..OFFERED {
        let (page, other) = domain.sharing.grant(peer).map_err(text)?;
        ensure!(other.0 == grant.0 + number, "grants are not numbered in order");
        page.store_u32(FROM_FRONT, 1).map_err(text)?;
        others.push(page);
    }
    page.store_u32(FROM_FRONT, 1).map_err(text)?;
    let offer = format!("ref={} port={}", grant.0, port.number().0);
    domain.store.write("data/offer", &offer).map_err(text)?;
    let start = domain.clock.now();
    for round in 1..=ROUNDS {
        page.store_u32(FROM_FRONT, round).map_err(text)?;
        // The first rounds go out before the peer has bound the port.
        let _ = port.notify();
        wait_for(domain, &page, &port, FROM_BACK, round)?;
    }
    log::info!("{ROUNDS} rounds in {} ms", (domain.clock.now() - start).as_millis());
    drop((page, port, others));
    // Whatever the peer still maps is set aside; the rest of the table can be used up and again.
    for _ in 0..2 {
        let mut pages = Vec::new();
        for _ in 0..300 {
            pages.push(domain.sharing.grant(peer).map_err(text)?);
        }
    }
    Ok(())
}

/// Takes the offer `ref=` and `port=` of domain `peer=`.
pub(super) fn back(domain: &mut Domain) -> Outcome {
    let peer = peer(domain)?;
    let grant = GrantRef(number(domain, "ref")?);
    let wrong = domain.sharing.map(peer, GrantRef(grant.0 + 100));
    ensure!(wrong.is_err(), "a page that was not granted could be mapped");
    let unbound = domain.sharing.bind(peer, PortNumber(1000));
    ensure!(unbound.is_err(), "a port that was not offered could be bound");
    let copies = number(domain, "copies").unwrap_or(COPIES);
    for round in 0..3 {
        let mut windows = Vec::new();
        for count in 0..copies {
            for number in 0..OFFERED {
                let page = domain.sharing.map(peer, GrantRef(grant.0 + number));
                windows.push(page.map_err(|e| format!("window {count} of round {round}: {e}"))?);
            }
        }
        for window in &windows {
            let first = window.load_u32(FROM_FRONT).map_err(text)?;
            ensure!(first == 1, "the front's first number is {first}");
        }
    }
    let page = domain.sharing.map(peer, grant).map_err(text)?;
    let port = domain.sharing.bind(peer, PortNumber(number(domain, "port")?)).map_err(text)?;
    for round in 1..=ROUNDS {
        wait_for(domain, &page, &port, FROM_FRONT, round)?;
        page.store_u32(FROM_BACK, round).map_err(text)?;
        port.notify().map_err(text)?;
    }
    Ok(())
}
