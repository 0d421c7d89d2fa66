//! Xenstore.

use super::{Outcome, ensure};
use alloc::format;
use core::time::Duration;
use domain_io::{Clock, StoreError, WatchEvent, Xenstore};
use xen_guest::Domain;

const NODE: &str = "data/hello-proof";

fn told<T>(what: &str, result: Result<T, StoreError>) -> Result<T, alloc::string::String> {
    result.map_err(|error| format!("{what}: {error}"))
}

pub(super) fn nodes(domain: &mut Domain) -> Outcome {
    let store = &mut domain.store;
    // Larger than the ring of 1024 bytes, so both ends take it in parts.
    let large = "0123456789abcdef".repeat(120);
    for value in ["", "short", "with blanks and \u{e9}", &large] {
        told("write", store.write(NODE, value))?;
        let read = told("read", store.read(NODE))?;
        ensure!(read == value, "{} bytes were written, {} read", value.len(), read.len());
    }
    for child in ["a", "b", "c"] {
        told("write a child", store.write(&format!("{NODE}/{child}"), child))?;
    }
    let mut names = told("list", store.list(NODE))?;
    names.sort();
    ensure!(names == ["a", "b", "c"], "the children are {names:?}");
    told("remove", store.remove(NODE))?;
    let gone = store.read(NODE);
    ensure!(gone.as_ref().is_err_and(StoreError::is_absent), "after removal: {gone:?}");
    let refused = store.write("/local/domain/0/name", "x");
    ensure!(
        refused == Err(StoreError::Refused("EACCES".into())),
        "writing another domain's node: {refused:?}"
    );
    ensure!(told("existence", store.is_introduced(domain_io::DomainId(0)))?, "dom0 is not there");
    let unknown = told("existence", store.is_introduced(domain_io::DomainId(32000)))?;
    ensure!(!unknown, "domain 32000 is there");
    for round in 0..500 {
        told("one of many requests", store.write(NODE, &format!("{round}")))?;
    }
    told("remove", store.remove(NODE))
}

pub(super) fn watches(domain: &mut Domain) -> Outcome {
    told("watch", domain.store.watch(NODE, "proof"))?;
    let at = |path: &str| WatchEvent { path: path.into(), token: "proof".into() };
    ensure!(next(domain) == Some(at(NODE)), "the watch did not fire at once");
    let child = format!("{NODE}/child");
    told("write", domain.store.write(&child, "x"))?;
    let event = next(domain);
    ensure!(event == Some(at(&child)), "after a write: {event:?}");
    told("remove", domain.store.remove(NODE))?;
    ensure!(next(domain).is_some(), "no event after a removal");
    while domain.store.next_event().is_some() {}
    told("unwatch", domain.store.unwatch(NODE, "proof"))?;
    told("write", domain.store.write(NODE, "y"))?;
    domain.waiter.sleep(Duration::from_millis(50));
    ensure!(domain.store.next_event().is_none(), "an event after unwatch");
    told("remove", domain.store.remove(NODE))
}

/// The next event, or nothing within two seconds.
fn next(domain: &mut Domain) -> Option<WatchEvent> {
    let until = domain.clock.now() + Duration::from_secs(2);
    loop {
        if let Some(event) = domain.store.next_event() {
            return Some(event);
        }
        if domain.clock.now() >= until {
            return None;
        }
        domain.waiter.wait(&[domain.store.port()], Some(until));
    }
}
