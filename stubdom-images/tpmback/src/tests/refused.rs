//! Refused devices whose frontends open all the same: nobody is left waiting for a TPM.

use super::*;
use crate::refused::REFUSED_AT_ONCE;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, DomainId};
use tpmif::peers::{LinuxFrontend, RawFrontend, Sent, Waiting};

const FAILURE_2_0: [u8; 10] = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1];
const FAILURE_1_2: [u8; 10] = [0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 9];

/// TPM_GetCapability, the timeouts: the first command of Linux's probe.
const GET_TIMEOUTS: [u8; 22] =
    [0, 0xc1, 0, 0, 0, 22, 0, 0, 0, 0x65, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 1, 0x15];

fn refusing(domain: u16) -> Host {
    let mut host = Host::new(4);
    host.refused.push(DomainId(domain));
    host.world.add_domain(DomainId(domain));
    host
}

/// Announces a device to a domain that is running, without waiting for what comes of it.
fn announce(host: &mut Host, device: crate::DeviceId) {
    host.world.add_domain(device.frontend);
    let _wait = host.libxl.attach(BACK, device);
    host.tick();
}

fn refused_linux(host: &mut Host, device: crate::DeviceId) -> LinuxFrontend {
    announce(host, device);
    LinuxFrontend::new(&host.world, BACK, device)
}

fn refused_raw(host: &mut Host, device: crate::DeviceId) -> RawFrontend {
    announce(host, device);
    let mut front = RawFrontend::new(&host.world, BACK, device);
    front.publish_ring();
    front.set("feature-protocol-v2", "1");
    front.set("state", "4");
    host.tick();
    front
}

fn mapped_and_bound(host: &Host) -> (usize, usize) {
    (host.world.mappings(BACK), host.world.ports(BACK).len())
}

#[test]
fn each_command_of_a_probe_is_answered_within_a_turn_and_the_owner_sees_none() {
    let mut host = refusing(5);
    let mut front = refused_linux(&mut host, id(5, 0));
    front.probe(&GET_TIMEOUTS);
    host.tick();
    assert_eq!(front.receive(), Sent::Answer(FAILURE_1_2.into()));
    assert!(front.raw.was_notified());
    for (packet, answer) in [(command(12), FAILURE_2_0), (GET_TIMEOUTS.into(), FAILURE_1_2)] {
        assert!(front.send(&packet));
        host.tick();
        assert_eq!(front.receive(), Sent::Answer(answer.into()));
    }
    assert_eq!(front.raw.backend_state(), "6", "as before the probe");
    // What the driver finds once its probe is over.
    front.backend_changed();
    host.tick();
    assert_eq!(mapped_and_bound(&host), (0, 0));
    assert_eq!(host.notes, [Note::Attached(id(5, 0))]);
}

#[test]
fn a_toolstack_that_attaches_it_to_a_running_guest_is_still_told_by_a_failure() {
    let mut host = refusing(5);
    let mut wait = host.libxl.attach(BACK, id(5, 0));
    let mut front = LinuxFrontend::new(&host.world, BACK, id(5, 0));
    front.probe(&GET_TIMEOUTS);
    assert_eq!(host.until(&mut wait), (Waiting::TimedOut, Duration::from_secs(10)));
    assert_eq!(front.receive(), Sent::Answer(FAILURE_1_2.into()));
    assert_eq!(host.message(id(5, 0)).unwrap(), "this TPM has its guest");
}

#[test]
fn a_device_beyond_the_limit_and_one_with_wrong_nodes_are_answered_too() {
    let mut host = Host::new(1);
    host.attach(id(4, 0));
    let mut beyond = refused_linux(&mut host, id(5, 0));
    host.world.add_domain(DomainId(6));
    let _wait = host.libxl.attach(BACK, id(6, 0));
    let uuid = "/local/domain/3/backend/vtpm/6/0/uuid";
    domain_io::Xenstore::write(&mut host.libxl.store, uuid, "not-a-uuid").unwrap();
    let mut wrong = LinuxFrontend::new(&host.world, BACK, id(6, 0));
    for front in [&mut beyond, &mut wrong] {
        front.probe(&GET_TIMEOUTS);
        host.tick();
        assert_eq!(front.receive(), Sent::Answer(FAILURE_1_2.into()));
    }
    assert_eq!(host.notes, [Note::Attached(id(4, 0))]);
}

#[test]
fn a_device_refused_in_the_middle_of_a_command_fails_it_and_all_later_ones() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    assert!(front.send(&command(12)));
    let event = host.backend.poll(&mut host.store, &mut host.sharing, &host.clock);
    let Some(crate::Event::Command(running)) = event else { panic!("{event:?}") };
    host.backend.refuse(&mut host.store, id(5, 0), "no longer");
    assert_eq!(front.receive(), Sent::Answer(FAILURE_2_0.into()));
    let late = host.backend.respond(running.ticket, &command(12));
    assert_eq!(late, Err(crate::NotAnswered::Gone));
    assert!(front.send(&command(14)));
    host.tick();
    assert_eq!(front.receive(), Sent::Answer(FAILURE_2_0.into()));
    assert_eq!(front.raw.backend_state(), "6");
}

#[test]
fn a_detach_of_a_refused_device_is_quick_and_answers_what_was_asked_last() {
    let mut host = refusing(5);
    let mut front = refused_linux(&mut host, id(5, 0));
    front.probe(&GET_TIMEOUTS);
    host.tick();
    assert_eq!(front.receive(), Sent::Answer(FAILURE_1_2.into()));
    assert!(front.send(&command(12)));
    let mut closed = host.libxl.detach(BACK, id(5, 0));
    let (ended, took) = host.until(&mut closed);
    assert_eq!(ended, Waiting::Reached, "it has been closed all the time");
    host.tick();
    assert_eq!(mapped_and_bound(&host), (0, 0));
    assert_eq!(front.receive(), Sent::Answer(FAILURE_2_0.into()));
    let mut removed = host.libxl.wait_for_removal(BACK, id(5, 0));
    let (ended, more) = host.until(&mut removed);
    assert_eq!(ended, Waiting::Reached);
    assert!(took + more < Duration::from_secs(1), "{took:?}, {more:?}");
    assert_eq!(host.notes, [Note::Attached(id(5, 0)), Note::Removed(id(5, 0))]);
}

#[test]
fn a_destroyed_guest_and_a_shutdown_leave_nothing_mapped() {
    for shutdown in [false, true] {
        let mut host = refusing(5);
        let _front = refused_raw(&mut host, id(5, 0));
        assert_eq!(mapped_and_bound(&host), (1, 1));
        if shutdown {
            host.backend.shutdown(&mut host.store, &host.clock);
        } else {
            let _wait = host.libxl.destroy(BACK, id(5, 0));
            host.tick();
        }
        assert_eq!(mapped_and_bound(&host), (0, 0));
        host.run(Duration::from_millis(400));
        assert!(host.backend.is_empty());
    }
}

#[test]
fn one_that_never_stops_asking_does_not_slow_down_the_served_one() {
    let mut host = refusing(5);
    let mut served = host.connected_linux(id(6, 0));
    let front = refused_raw(&mut host, id(5, 0));
    for _ in 0..200 {
        front.submit(&command(10));
        assert!(served.send(&command(12)));
        host.tick();
        assert_eq!(served.receive(), Sent::Answer(command(12)));
        assert_eq!(front.answer(), FAILURE_2_0);
    }
}

#[test]
fn one_that_breaks_the_protocol_ends_its_own_connection_until_it_has_closed() {
    let mut host = refusing(5);
    let mut served = host.connected_linux(id(6, 0));
    let mut front = refused_raw(&mut host, id(5, 0));
    front.page().poke(4, &[99]);
    front.notify();
    host.tick();
    host.run(Duration::from_secs(40));
    assert_eq!(mapped_and_bound(&host), (1, 1), "the served one's");
    assert!(served.send(&command(12)));
    host.tick();
    assert_eq!(served.receive(), Sent::Answer(command(12)));
    front.set("state", "6");
    host.tick();
    front.publish_ring();
    front.set("state", "3");
    front.submit(&command(10));
    host.tick();
    assert_eq!(front.answer(), FAILURE_2_0);
    assert!(!host.notes.iter().any(|note| matches!(note, Note::Disconnected(..))));
}

#[test]
fn one_that_opens_again_and_again_is_slowed_down_and_still_answered() {
    let mut host = refusing(5);
    let mut front = refused_linux(&mut host, id(5, 0));
    let (mut answered, start) = (0, host.clock.now());
    let lines = super::lines::count(|| {
        for _ in 0..1000 {
            front.probe(&command(22));
            host.tick();
            answered += usize::from(matches!(front.receive(), Sent::Answer(_)));
            front.remove();
            host.tick();
        }
    });
    assert_eq!(host.clock.now() - start, Duration::from_secs(10));
    assert!((10..=25).contains(&answered), "{answered} connections in ten seconds");
    assert!(lines <= 30, "{lines} lines in ten seconds");
    front.probe(&command(22));
    host.run(Duration::from_secs(3));
    assert_eq!(front.receive(), Sent::Answer(FAILURE_2_0.into()));
}

#[test]
fn a_driver_loaded_anew_unnoticed_is_answered_in_its_new_page() {
    let mut host = refusing(5);
    let mut front = refused_linux(&mut host, id(5, 0));
    front.probe(&GET_TIMEOUTS);
    host.tick();
    front.remove();
    front.probe(&GET_TIMEOUTS);
    host.tick();
    assert_eq!(front.receive(), Sent::Answer(FAILURE_1_2.into()));
    assert_eq!(mapped_and_bound(&host), (1, 1));
}

#[test]
fn so_many_are_connected_at_a_time_and_the_next_one_soon_after_one_has_closed() {
    let mut host = refusing(5);
    let most = u32::try_from(REFUSED_AT_ONCE).unwrap();
    let mut fronts: Vec<_> = (0..=most).map(|n| refused_raw(&mut host, id(5, n))).collect();
    host.run(Duration::from_secs(2));
    assert_eq!(mapped_and_bound(&host), (REFUSED_AT_ONCE, REFUSED_AT_ONCE));
    let last = fronts.pop().unwrap();
    last.submit(&command(10));
    host.run(Duration::from_secs(2));
    assert_eq!(last.page_state(), 1);
    fronts[0].set("state", "6");
    host.run(Duration::from_secs(2));
    assert_eq!(last.answer(), FAILURE_2_0);
    assert_eq!(host.world.mappings(BACK), REFUSED_AT_ONCE);
}

#[test]
fn one_that_cannot_be_connected_is_tried_again_when_its_nodes_change() {
    let mut host = refusing(5);
    let mut front = refused_raw(&mut host, id(5, 0));
    front.set("state", "6");
    host.tick();
    front.set("ring-ref", "-1");
    front.set("state", "4");
    host.tick();
    assert_eq!(mapped_and_bound(&host), (0, 0));
    front.publish_ring();
    front.submit(&command(10));
    host.tick();
    assert_eq!(front.answer(), FAILURE_2_0);
}

#[test]
fn its_port_is_waited_on_and_is_not_given_to_the_owner_as_a_connection() {
    let mut host = refusing(5);
    let front = refused_raw(&mut host, id(5, 0));
    assert_eq!(host.backend.ports().collect::<Vec<_>>(), host.world.ports(BACK));
    assert_eq!(host.backend.port(id(5, 0)), None);
    host.run(Duration::from_secs(1));
    let before = host.store.requests;
    for _ in 0..50 {
        front.submit(&command(10));
        host.tick();
        assert_eq!(front.answer(), FAILURE_2_0);
    }
    assert_eq!(host.store.requests, before, "commands cost no requests to xenstored");
    assert!(host.backend.next_deadline().unwrap() > host.clock.now());
}
