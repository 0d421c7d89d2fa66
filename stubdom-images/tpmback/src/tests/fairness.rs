//! Many frontends, none starved.

use super::*;
use crate::Reason;
use crate::backend::FRONTENDS_TOKEN;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{WatchEvent, Xenstore};
use tpmif::peers::Sent;

#[test]
fn a_busy_low_domain_does_not_starve_the_others() {
    let mut host = Host::new(3);
    let mut fronts: Vec<_> = (4..7).map(|domain| host.connected_raw(id(domain, 0))).collect();
    host.notes.clear();
    for front in &mut fronts {
        front.submit(&command(10));
    }
    for _ in 0..30 {
        let event = host.backend.poll(&mut host.store, &mut host.sharing, &host.clock);
        let Some(crate::Event::Command(given)) = event else { continue };
        let front = &fronts[usize::from(given.id.frontend.0) - 4];
        host.backend.respond(given.ticket, &given.bytes).unwrap();
        // Always has the next command ready before anybody else gets a turn.
        front.submit(&command(10));
        host.notes.push(Note::Command(given.id, 0, Vec::new()));
    }
    let served = |domain| {
        host.notes.iter().filter(|n| **n == Note::Command(id(domain, 0), 0, Vec::new())).count()
    };
    let counts = [served(4), served(5), served(6)];
    assert!(counts.iter().all(|count| count.abs_diff(counts[0]) <= 1), "{counts:?}");
    assert!(counts[0] >= 5);
}

#[test]
fn a_frontend_with_endless_commands_does_not_keep_its_owner_from_other_duties() {
    let mut host = Host::new(1);
    let front = host.connected_raw(id(5, 0));
    front.submit(&command(10));
    let mut given = 0;
    while let Some(event) = host.backend.poll(&mut host.store, &mut host.sharing, &host.clock) {
        let crate::Event::Command(command) = event else { continue };
        host.backend.respond(command.ticket, &command.bytes).unwrap();
        front.submit(&command.bytes);
        given += 1;
        assert!(given < 100, "the owner never gets out of its loop");
    }
    assert!(given >= 10);
    let _wait = host.libxl.detach(BACK, id(5, 0));
    host.turn();
    assert_eq!(host.notes.last(), Some(&Note::Disconnected(id(5, 0), Reason::DetachRequested)));
}

#[test]
fn a_frontend_that_floods_its_nodes_does_not_stop_commands() {
    let mut host = Host::new(2);
    let mut flood = host.connected_raw(id(4, 0));
    let mut good = host.connected_linux(id(5, 0));
    let before = host.store.requests;
    for _ in 0..200 {
        for _ in 0..50 {
            flood.set("state", "4");
            flood.set("junk", "x");
        }
        assert!(good.send(&command(12)));
        host.tick();
        assert_eq!(good.receive(), Sent::Answer(command(12)));
    }
    let requests = host.store.requests - before;
    assert!(requests < 400, "{requests} requests to xenstored in a second of flooding");
}

/// The runtime keeps 64 events one by one; of more it says only that something below the watch changed.
#[test]
fn a_change_among_too_many_to_be_told_is_seen_within_a_second_and_costs_no_more_than_a_look_each() {
    let mut host = Host::new(40);
    let mut fronts: Vec<_> = (5..35).map(|domain| host.connected_linux(id(domain, 0))).collect();
    fronts[7].remove();
    while host.store.next_event().is_some() {}
    let before = host.store.requests;
    for _ in 0..100 {
        let overflow = WatchEvent { path: "/local/domain".into(), token: FRONTENDS_TOKEN.into() };
        assert!(host.backend.notice(&overflow));
        host.tick();
    }
    assert_eq!(host.own_node(id(12, 0), "state").unwrap(), "2");
    let requests = host.store.requests - before;
    assert!(requests < 30 * 10, "{requests} requests in half a second of overflow");
}

#[test]
fn five_hundred_frontends_take_two_watches() {
    let mut host = Host::new(500);
    let mut fronts = Vec::new();
    for domain in 10..510 {
        host.attach(id(domain, 0));
        let mut front = tpmif::peers::LinuxFrontend::new(&host.world, BACK, id(domain, 0));
        front.probe(&command(22));
        fronts.push(front);
    }
    host.run(Duration::from_secs(3));
    assert_eq!(host.world.watches(BACK), 2);
    assert_eq!(host.backend.ports().count(), 500);
    for front in &mut fronts {
        assert_eq!(front.receive(), Sent::Answer(command(22)));
    }
    for front in &mut fronts {
        front.remove();
    }
    host.run(Duration::from_millis(500));
    assert_eq!(host.world.mappings(BACK), 0);
}

#[test]
fn without_the_wide_watch_each_frontend_gets_its_own_and_the_rest_a_look_each_second() {
    let mut host = Host::new(500);
    host.store.unwatch("/local/domain", "tpmback-frontends").unwrap();
    host.backend.wide = false;
    let fronts: Vec<_> = (10..150).map(|domain| host.linux(id(domain, 0))).collect();
    assert_eq!(host.world.watches(BACK), 128);
    host.run(Duration::from_secs(2));
    for mut front in fronts {
        front.probe(&command(22));
        host.run(Duration::from_millis(1500));
        assert_eq!(front.receive(), Sent::Answer(command(22)));
        let device = front.raw.id;
        let _wait = host.libxl.detach(BACK, device);
        host.run(Duration::from_millis(500));
    }
    assert_eq!(host.world.watches(BACK), 1, "watches go with their devices");
}

#[test]
fn a_wide_watch_that_never_shows_anything_costs_a_second_and_not_the_connection() {
    let mut host = Host::new(1);
    host.store.unwatch("/local/domain", "tpmback-frontends").unwrap();
    let mut front = host.linux(id(5, 0));
    host.run(Duration::from_secs(2));
    front.probe(&command(22));
    host.run(Duration::from_millis(1100));
    assert_eq!(front.receive(), Sent::Answer(command(22)));
}

#[test]
fn an_idle_backend_makes_few_requests_and_says_when_to_come_back() {
    let mut host = Host::new(10);
    for domain in 10..20 {
        let _ = host.connected_linux(id(domain, 0));
    }
    host.run(Duration::from_secs(1));
    let before = host.store.requests;
    host.run(Duration::from_secs(60));
    assert!(host.store.requests - before <= 10 * 2 * 6);
    let next = host.backend.next_deadline().unwrap();
    assert!(next > domain_io::Clock::now(&host.clock));
}

#[test]
fn a_turn_with_nothing_to_do_asks_xenstore_nothing() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    host.run(Duration::from_secs(1));
    let before = host.store.requests;
    for _ in 0..100 {
        assert!(front.send(&command(12)));
        host.turn();
        assert_eq!(front.receive(), Sent::Answer(command(12)));
    }
    assert_eq!(host.store.requests, before);
    assert!(host.store.next_event().is_none());
}
