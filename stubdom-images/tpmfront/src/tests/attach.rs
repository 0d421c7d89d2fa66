//! Devices that come and go.

use super::*;
use crate::{Event, NotSent, Reason};
use core::time::Duration;
use domain_io::{Clock, DomainId, Xenstore};

#[test]
fn nothing_is_offered_before_the_backend_waits_for_it() {
    let mut host = Played::new();
    host.attach(0);
    assert_eq!(host.turn(), []);
    assert_eq!(host.get(0, "ring-ref"), None);
    assert_eq!(host.get(0, "state").unwrap(), "1");
    host.set(0, "state", "2");
    assert_eq!(host.turn(), []);
    assert_eq!(host.get(0, "state").unwrap(), "3");
    for (name, there) in [("ring-ref", true), ("event-channel", true)] {
        assert_eq!(host.get(0, name).unwrap().parse::<u32>().is_ok(), there);
    }
    assert_eq!(host.get(0, "feature-protocol-v2").unwrap(), "1");
}

#[test]
fn a_device_of_any_number_is_found_before_and_after_the_start() {
    for device in [0, 1, 7] {
        let mut host = Played::new();
        host.connect(device);
        assert_eq!(host.get(device, "state").unwrap(), "4");
        assert!(host.frontend.is_connected());
    }
}

#[test]
fn nothing_can_be_sent_without_a_connection() {
    let mut host = Played::new();
    assert_eq!(host.frontend.submit(0, &packet(10)), Err(NotSent::NotConnected));
    assert_eq!(host.frontend.port(), None);
}

#[test]
fn a_backend_of_another_protocol_than_v2_is_reported() {
    for version in ["0", "junk"] {
        let mut host = Played::new();
        host.attach(0);
        host.set(0, "feature-protocol-v2", version);
        host.set(0, "state", "2");
        host.turn();
        host.set(0, "state", "4");
        assert_eq!(host.turn(), [Event::Disconnected(Reason::NoProtocolV2)]);
        assert_eq!(host.get(0, "state").unwrap(), "6");
    }
}

#[test]
fn a_backend_that_has_no_room_to_announce_its_protocol_is_used() {
    let mut host = Played::new();
    host.attach(0);
    host.set(0, "state", "2");
    host.turn();
    host.set(0, "state", "4");
    assert_eq!(host.turn(), [Event::Connected { device: 0, backend: BACK }]);
}

#[test]
fn a_backend_that_closes_is_reported_and_opened_again_when_it_offers_that() {
    for state in ["5", "6"] {
        let mut host = Played::new();
        host.connect(0);
        host.set(0, "state", state);
        assert_eq!(host.turn(), [Event::Disconnected(Reason::BackendClosed)]);
        assert_eq!(host.get(0, "state").unwrap(), "6");
        // One that closes may still have the page mapped.
        assert_eq!(host.world.grants(FRONT), usize::from(state == "5"));
        host.set(0, "state", "2");
        assert_eq!(host.turn(), []);
        host.set(0, "state", "4");
        assert_eq!(host.turn(), [Event::Connected { device: 0, backend: BACK }]);
        assert_eq!(host.world.grants(FRONT), 1);
    }
}

#[test]
fn a_backend_domain_that_is_destroyed_is_reported() {
    let mut host = Played::new();
    host.connect(0);
    host.world.destroy_domain(BACK);
    host.libxl.store.remove("/local/domain/3").unwrap();
    let mut events = host.turn();
    events.extend(host.pass(Duration::from_secs(60)));
    assert_eq!(events, [Event::Disconnected(Reason::BackendGone)]);
    assert_eq!(host.frontend.submit(0, &packet(10)), Err(NotSent::NotConnected));
}

#[test]
fn a_device_attached_anew_under_another_number_and_backend_is_used() {
    let mut host = Played::new();
    host.connect(0);
    host.world.destroy_domain(BACK);
    host.libxl.store.remove("/local/domain/3/backend").unwrap();
    host.pass(Duration::from_secs(60));
    // The administrator has not detached the dead device.
    let other = DomainId(9);
    host.world.add_domain(other);
    host.back = host.world.store(other);
    let _wait = host.libxl.attach(other, Played::id(1));
    host.set(1, "feature-protocol-v2", "1");
    host.set(1, "state", "2");
    host.turn();
    host.set(1, "state", "4");
    assert_eq!(host.turn(), [Event::Connected { device: 1, backend: other }]);
}

#[test]
fn a_refused_device_is_left_for_one_whose_backend_is_ready() {
    let mut host = Played::new();
    host.attach(0);
    host.set(0, "state", "6");
    assert_eq!(host.turn(), []);
    host.connect(4);
}

#[test]
fn a_detached_device_is_reported_and_found_again_under_the_same_number() {
    let mut host = Played::new();
    host.connect(0);
    host.libxl.store.remove("/local/domain/5/device/vtpm/0").unwrap();
    host.libxl.store.remove("/local/domain/3/backend/vtpm/5/0").unwrap();
    assert_eq!(host.turn(), [Event::Disconnected(Reason::Detached)]);
    host.connect(0);
}

#[test]
fn a_device_replaced_between_two_looks_is_noticed() {
    let mut host = Played::new();
    host.connect(0);
    host.libxl.store.remove("/local/domain/5/device/vtpm/0").unwrap();
    host.libxl.store.remove("/local/domain/3/backend/vtpm/5/0").unwrap();
    host.attach(0);
    assert_eq!(host.turn(), [Event::Disconnected(Reason::Detached)]);
    host.set(0, "feature-protocol-v2", "1");
    host.set(0, "state", "2");
    host.turn();
    host.set(0, "state", "4");
    assert_eq!(host.turn(), [Event::Connected { device: 0, backend: BACK }]);
}

#[test]
fn a_watch_is_kept_for_one_backend_at_a_time() {
    let mut host = Played::new();
    for device in 0..20 {
        host.connect(device);
        host.libxl.store.remove(&Played::id(device).frontend_dir()).unwrap();
        host.turn();
    }
    assert_eq!(host.world.watches(FRONT), 1);
    assert_eq!((host.world.grants(FRONT), host.world.ports(FRONT).len()), (0, 0));
}

#[test]
fn a_xenstore_that_does_not_answer_is_asked_again() {
    let mut host = Played::new();
    host.connect(0);
    host.set(0, "state", "6");
    host.store.failure = Some(domain_io::StoreError::NoAnswer);
    assert_eq!(host.turn(), []);
    host.store.failure = None;
    assert_eq!(host.pass(Duration::from_secs(2)), [Event::Disconnected(Reason::BackendClosed)]);
}

#[test]
fn a_watch_that_is_refused_is_tried_again_and_not_at_once() {
    let mut host = Played::new();
    for number in 0.. {
        if host.store.watch("data", &alloc::format!("{number}")).is_err() {
            break;
        }
    }
    while host.store.next_event().is_some() {}
    host.attach(0);
    assert_eq!(host.turn(), []);
    assert!(host.frontend.next_deadline() > host.clock.now());
    host.store.unwatch("data", "0").unwrap();
    host.set(0, "state", "2");
    assert_eq!(host.pass(Duration::from_secs(1)), []);
    host.set(0, "state", "4");
    assert_eq!(host.turn(), [Event::Connected { device: 0, backend: BACK }]);
}

#[test]
fn closing_waits_for_the_backend_to_let_go_and_can_be_undone() {
    let mut host = Played::new();
    host.connect(0);
    host.frontend.close(&mut host.store).unwrap();
    assert_eq!(host.turn(), []);
    assert_eq!(host.get(0, "state").unwrap(), "5");
    assert_eq!(host.world.grants(FRONT), 1, "the backend still has the page");
    host.set(0, "state", "5");
    assert_eq!(host.turn(), [Event::Closed]);
    assert_eq!(host.get(0, "state").unwrap(), "6");
    assert_eq!((host.get(0, "ring-ref"), host.world.grants(FRONT)), (None, 0));
    host.set(0, "state", "2");
    assert_eq!(host.turn(), []);
    assert_eq!(host.get(0, "state").unwrap(), "6", "closed until asked for");
    host.frontend.reopen();
    assert_eq!(host.turn(), []);
    host.set(0, "state", "4");
    assert_eq!(host.turn(), [Event::Connected { device: 0, backend: BACK }]);
}
