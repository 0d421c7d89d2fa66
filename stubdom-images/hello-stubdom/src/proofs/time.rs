//! The clock and waiting.

use super::{Outcome, ensure};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, DomainId, EventPort, Sharing};
use xen_guest::Domain;

pub(super) fn clock(domain: &mut Domain) -> Outcome {
    let mut last = domain.clock.now();
    for round in 0..100_000 {
        let now = domain.clock.now();
        ensure!(now >= last, "time ran back by {:?} in round {round}", last - now);
        last = now;
    }
    for millis in [0, 1, 20, 200] {
        let (start, time) = (domain.clock.now(), Duration::from_millis(millis));
        domain.waiter.sleep(time);
        let took = domain.clock.now() - start;
        ensure!(took >= time, "slept {took:?} instead of {time:?}");
        ensure!(took < time + Duration::from_secs(2), "slept {took:?} instead of {time:?}");
    }
    Ok(())
}

/// Waiting on more ports than one hypercall can name ends in time, and does sleep.
pub(super) fn many_ports(domain: &mut Domain) -> Outcome {
    let mut ports = Vec::new();
    for _ in 0..150 {
        let port = domain.sharing.allocate_port(DomainId(0));
        ports.push(port.map_err(|error| alloc::format!("{error}"))?);
    }
    let numbers: Vec<_> = ports.iter().map(EventPort::number).collect();
    for port in &ports {
        port.take_pending();
    }
    for count in [0, 1, 127, 128, 150] {
        let start = domain.clock.now();
        let until = start + Duration::from_millis(60);
        let mut waits = 0;
        while domain.clock.now() < until {
            domain.waiter.wait(&numbers[..count], Some(until));
            waits += 1;
        }
        let took = domain.clock.now() - start;
        ensure!(took < Duration::from_secs(2), "waiting on {count} ports took {took:?}");
        ensure!(waits < 50, "waiting on {count} ports took {waits} turns: it does not sleep");
    }
    Ok(())
}
