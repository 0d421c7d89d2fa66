//! From the toolstack's nodes to a connection.

use super::*;
use crate::{INIT_WAIT_HOLD, Reason};
use core::time::Duration;
use domain_io::{Clock, DomainId, Xenstore};
use tpmif::peers::{LinuxFrontend, RawFrontend, Sent, Waiting};

#[test]
fn an_attach_ends_at_init_wait_with_protocol_v2_announced() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "2");
    assert_eq!(host.own_node(id(5, 0), "feature-protocol-v2").unwrap(), "1");
    assert_eq!(host.notes, [Note::Attached(id(5, 0))]);
}

#[test]
fn a_device_attached_before_the_backend_started_is_found() {
    let mut host = Host::new(1);
    host.world.add_domain(DomainId(5));
    let mut wait = host.libxl.attach(BACK, id(5, 3));
    while host.store.next_event().is_some() {}
    host.turn();
    assert_eq!(host.until(&mut wait).0, Waiting::Reached);
}

#[test]
fn linux_is_answered_though_it_submits_before_looking_at_the_backend() {
    let mut host = Host::new(1);
    let mut front = host.linux(id(5, 0));
    front.probe(&command(22));
    host.run(Duration::from_secs(2));
    assert_eq!(front.receive(), Sent::Answer(command(22)));
    front.backend_changed();
    assert!(front.is_connected());
    let expected = [
        Note::Attached(id(5, 0)),
        Note::Connected(id(5, 0)),
        Note::Command(id(5, 0), 0, command(22)),
    ];
    assert_eq!(host.notes, expected);
}

#[test]
fn a_command_submitted_without_any_event_before_the_bind_is_still_seen() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    let mut front = RawFrontend::new(&host.world, BACK, id(5, 0));
    front.publish_ring();
    front.page().poke(8, &command(30));
    front.page().poke(0, &[30, 0, 0, 0, 1]);
    front.set("feature-protocol-v2", "1");
    front.set("state", "3");
    host.run(Duration::from_secs(2));
    assert_eq!(front.page_state(), 2);
    assert!(front.was_notified());
}

#[test]
fn mini_os_connects_by_going_straight_to_state_4() {
    let mut host = Host::new(1);
    let mut front = host.mini_os(id(5, 0));
    front.open();
    host.run(Duration::from_secs(2));
    assert!(front.is_open());
}

#[test]
fn a_hot_attach_is_seen_in_init_wait_by_a_toolstack_that_reads_late() {
    for late in [0, 100, 500, 900] {
        let mut host = Host::new(1);
        host.libxl.delay = Duration::from_millis(late);
        host.world.add_domain(DomainId(5));
        let mut wait = host.libxl.attach(BACK, id(5, 0));
        // The running guest's driver reacts before the toolstack does.
        let mut front = LinuxFrontend::new(&host.world, BACK, id(5, 0));
        front.probe(&command(22));
        assert_eq!(host.until(&mut wait).0, Waiting::Reached, "{late} ms late");
    }
}

#[test]
fn the_hold_of_init_wait_delays_a_hot_attach_by_no_more_than_itself() {
    let mut host = Host::new(1);
    host.world.add_domain(DomainId(5));
    let _wait = host.libxl.attach(BACK, id(5, 0));
    let mut front = LinuxFrontend::new(&host.world, BACK, id(5, 0));
    front.probe(&command(22));
    host.run(INIT_WAIT_HOLD - Duration::from_millis(10));
    assert_eq!(host.commands(), 0);
    host.run(Duration::from_millis(30));
    assert_eq!(host.commands(), 1);
    assert!(host.clock.now() < INIT_WAIT_HOLD + Duration::from_millis(50));
}

#[test]
fn a_guest_created_paused_is_served_without_any_delay_once_it_runs() {
    let mut host = Host::new(1);
    let mut front = host.linux(id(5, 0));
    host.run(Duration::from_secs(3));
    front.probe(&command(22));
    host.tick();
    assert_eq!(front.receive(), Sent::Answer(command(22)));
}

#[test]
fn a_frontend_without_protocol_v2_is_closed_with_a_message() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    let mut front = RawFrontend::new(&host.world, BACK, id(5, 0));
    front.publish_ring();
    front.set("state", "3");
    host.run(Duration::from_secs(2));
    assert_eq!(front.backend_state(), "6");
    assert!(host.message(id(5, 0)).unwrap().contains("feature-protocol-v2"));
    assert_eq!(host.notes[1], Note::Disconnected(id(5, 0), Reason::NoProtocolV2));
    assert_eq!(host.world.mappings(BACK), 0);
}

#[test]
fn nodes_that_are_no_numbers_close_the_device_and_can_be_mended() {
    for (name, value) in [("ring-ref", "8; rm"), ("event-channel", "-1"), ("ring-ref", "")] {
        let mut host = Host::new(1);
        host.attach(id(5, 0));
        let mut front = RawFrontend::new(&host.world, BACK, id(5, 0));
        front.publish_ring();
        front.set("feature-protocol-v2", "1");
        front.set(name, value);
        front.set("state", "4");
        host.run(Duration::from_secs(2));
        assert_eq!(front.backend_state(), "6");
        assert_eq!(host.notes[1], Note::Disconnected(id(5, 0), Reason::BadNode(name)));
        front.set("state", "6");
        host.tick();
        assert_eq!(front.backend_state(), "2");
        assert_eq!(host.message(id(5, 0)), None, "the message goes with its cause");
        front.publish_ring();
        front.set("state", "4");
        host.tick();
        assert_eq!(front.backend_state(), "4");
    }
}

#[test]
fn a_grant_or_port_that_is_not_for_us_closes_the_device() {
    for name in ["ring-ref", "event-channel"] {
        let mut host = Host::new(1);
        host.attach(id(5, 0));
        let mut front = RawFrontend::new(&host.world, BACK, id(5, 0));
        front.publish_ring();
        front.set("feature-protocol-v2", "1");
        front.set(name, "4000000000");
        front.set("state", "4");
        host.run(Duration::from_secs(2));
        assert!(matches!(host.notes[1], Note::Disconnected(_, Reason::NotShared(_))));
        assert_eq!((host.world.mappings(BACK), host.world.ports(BACK).len()), (0, 0));
    }
}

#[test]
fn a_refused_device_never_reaches_init_wait_and_the_attach_fails_at_the_toolstack() {
    let mut host = Host::new(2);
    host.refused.push(DomainId(6));
    let mut first = host.connected_linux(id(5, 0));
    host.world.add_domain(DomainId(6));
    let mut wait = host.libxl.attach(BACK, id(6, 0));
    assert_eq!(host.until(&mut wait), (Waiting::TimedOut, Duration::from_secs(10)));
    assert_eq!(host.own_node(id(6, 0), "state").unwrap(), "6");
    assert_eq!(host.message(id(6, 0)).unwrap(), "this TPM has its guest");
    assert!(first.send(&command(12)));
    host.tick();
    assert_eq!(first.receive(), Sent::Answer(command(12)), "the first is not disturbed");
    let mut wait = host.libxl.detach(BACK, id(6, 0));
    assert_eq!(host.until(&mut wait).0, Waiting::Reached);
    let mut wait = host.libxl.wait_for_removal(BACK, id(6, 0));
    assert_eq!(host.until(&mut wait).0, Waiting::Reached);
}

#[test]
fn a_connected_device_can_be_refused_later() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    host.backend.refuse(&mut host.store, id(5, 0), "no longer");
    front.backend_changed();
    host.run(Duration::from_secs(1));
    assert_eq!(front.raw.backend_state(), "6", "for good, though the frontend has closed");
    assert_eq!(host.world.mappings(BACK), 0);
}

#[test]
fn devices_beyond_the_limit_are_closed_with_a_message() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    host.world.add_domain(DomainId(6));
    let _wait = host.libxl.attach(BACK, id(6, 0));
    host.tick();
    assert_eq!(host.own_node(id(6, 0), "state").unwrap(), "6");
    assert!(host.message(id(6, 0)).is_some());
    assert_eq!(host.notes, [Note::Attached(id(5, 0))]);
}

#[test]
fn a_node_of_ours_that_contradicts_its_path_is_refused() {
    for (name, value) in [
        ("frontend-id", "7"),
        ("frontend-id", "five"),
        ("frontend", "/local/domain/7/device/vtpm/0"),
        ("uuid", "not-a-uuid"),
    ] {
        let mut host = Host::new(1);
        host.world.add_domain(DomainId(5));
        let _wait = host.libxl.attach(BACK, id(5, 0));
        host.libxl
            .store
            .write(&alloc::format!("/local/domain/3/backend/vtpm/5/0/{name}"), value)
            .unwrap();
        host.tick();
        assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "6");
        assert!(host.message(id(5, 0)).unwrap().contains(name));
        assert_eq!(host.notes, []);
    }
}

#[test]
fn what_the_frontend_claims_about_backend_and_handle_has_no_effect() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    let mut front = RawFrontend::new(&host.world, BACK, id(5, 0));
    let claims = [
        ("backend", "/local/domain/7/backend/vtpm/5/0"),
        ("backend-id", "7"),
        ("frontend", "/local/domain/7/device/vtpm/0"),
        ("frontend-id", "7"),
        ("handle", "99"),
    ];
    // Before it is connected, and after.
    for _ in 0..2 {
        claims.iter().for_each(|(name, value)| front.set(name, value));
        if !front.has_ring() {
            front.publish_ring();
            front.set("feature-protocol-v2", "1");
            front.set("state", "4");
        }
        host.run(Duration::from_secs(2));
        assert_eq!(front.backend_state(), "4");
        front.submit(&command(10));
        host.tick();
        assert_eq!(front.page_state(), 2);
    }
    assert_eq!(host.notes[0], Note::Attached(id(5, 0)), "and not domain 7's");
}
