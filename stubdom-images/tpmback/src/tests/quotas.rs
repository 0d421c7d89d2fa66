//! xenstored has no room for another node or watch of this domain's.

use super::*;
use core::time::Duration;
use domain_io::Xenstore;
use tpmif::peers::{LinuxFrontend, Sent};

/// A frontend that is open, and does not ask for the backend's feature-protocol-v2.
fn open(host: &mut Host, domain: u16) -> LinuxFrontend {
    let mut front = host.linux(id(domain, 0));
    front.probe(&command(22));
    host.run(Duration::from_secs(2));
    front
}

#[test]
fn a_device_whose_node_is_refused_is_served_and_the_others_too() {
    let mut host = Host::new(8);
    let mut first = host.connected_linux(id(4, 0));
    host.world.limit_nodes(BACK, host.world.nodes(BACK));
    let mut second = open(&mut host, 5);
    assert_eq!(host.own_node(id(5, 0), "feature-protocol-v2"), None);
    assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "4");
    assert_eq!(second.receive(), Sent::Answer(command(22)));
    assert!(first.send(&command(12)));
    host.tick();
    assert_eq!(first.receive(), Sent::Answer(command(12)));
}

#[test]
fn the_node_is_there_at_the_next_opening_once_there_is_room() {
    let mut host = Host::new(8);
    host.world.limit_nodes(BACK, host.world.nodes(BACK));
    let mut front = open(&mut host, 5);
    assert_eq!(front.receive(), Sent::Answer(command(22)));
    host.world.limit_nodes(BACK, usize::MAX);
    front.remove();
    host.run(Duration::from_secs(1));
    assert_eq!(host.own_node(id(5, 0), "feature-protocol-v2").unwrap(), "1");
    front.probe(&command(22));
    host.run(Duration::from_secs(2));
    front.backend_changed();
    assert!(front.is_connected());
}

#[test]
fn a_refusal_that_finds_no_room_for_its_message_is_a_refusal() {
    let mut host = Host::new(1);
    let mut first = host.connected_linux(id(4, 0));
    host.world.limit_nodes(BACK, host.world.nodes(BACK));
    host.world.add_domain(domain_io::DomainId(5));
    let mut wait = host.libxl.attach(BACK, id(5, 0));
    assert_eq!(host.until(&mut wait).0, tpmif::peers::Waiting::TimedOut);
    assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "6");
    assert_eq!(host.message(id(5, 0)), None);
    assert!(first.send(&command(12)));
    host.tick();
    assert_eq!(first.receive(), Sent::Answer(command(12)));
}

#[test]
fn a_refused_watch_costs_its_device_a_second_until_there_is_room() {
    let mut host = Host::new(8);
    host.store.unwatch("/local/domain", "tpmback-frontends").unwrap();
    host.backend.wide = false;
    for number in 0.. {
        if host.store.watch("data", &alloc::format!("{number}")).is_err() {
            break;
        }
    }
    while host.store.next_event().is_some() {}
    let mut front = host.linux(id(5, 0));
    front.probe(&command(22));
    host.run(Duration::from_millis(2100));
    assert_eq!(front.receive(), Sent::Answer(command(22)));
    host.store.unwatch("data", "0").unwrap();
    let _ = host.libxl.detach(BACK, id(5, 0));
    host.run(Duration::from_secs(2));
    let before = host.world.watches(BACK);
    let _ = host.linux(id(6, 0));
    assert_eq!(host.world.watches(BACK), before + 1);
}
