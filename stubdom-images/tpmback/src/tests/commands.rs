//! Commands, answers, cancels.

use super::*;
use crate::{Event, NotAnswered, Reason};
use core::time::Duration;
use tpmif::PeerMisbehaved;
use tpmif::peers::Sent;

/// The next command, left unanswered.
fn next(host: &mut Host) -> crate::Command {
    match host.backend.poll(&mut host.store, &mut host.sharing, &host.clock) {
        Some(Event::Command(command)) => command,
        other => panic!("no command but {other:?}"),
    }
}

#[test]
fn a_command_is_told_once_and_answered_once() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    assert!(front.send(&command(100)));
    let given = next(&mut host);
    assert!(host.backend.poll(&mut host.store, &mut host.sharing, &host.clock).is_none());
    front.raw.notify();
    assert!(host.backend.poll(&mut host.store, &mut host.sharing, &host.clock).is_none());
    assert_eq!(front.receive(), Sent::Waiting);
    host.backend.respond(given.ticket, &command(200)).unwrap();
    assert_eq!(front.receive(), Sent::Answer(command(200)));
    assert!(front.raw.was_notified());
}

#[test]
fn the_claimed_locality_is_passed_on_as_it_is() {
    let mut host = Host::new(1);
    let front = host.connected_raw(id(5, 0));
    for locality in [0, 4, 255] {
        front.page().poke(5, &[locality]);
        front.submit(&command(10));
        host.tick();
        assert_eq!(host.notes.last(), Some(&Note::Command(id(5, 0), locality, command(10))));
    }
}

#[test]
fn a_cancel_of_an_idle_page_is_acknowledged_with_idle() {
    let mut host = Host::new(1);
    let front = host.connected_raw(id(5, 0));
    let _ = front.was_notified();
    front.page().poke(4, &[3]);
    front.notify();
    host.tick();
    assert_eq!(front.page_state(), 0);
    assert!(front.was_notified());
}

#[test]
fn a_cancel_of_a_running_command_is_acknowledged_when_it_ends() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    assert!(front.send(&command(12)));
    let given = next(&mut host);
    host.clock.advance(Duration::from_secs(121));
    assert_eq!(front.receive(), Sent::TimedOut);
    assert!(!front.send(&command(13)), "the page is still taken");
    host.turn();
    assert_eq!(front.raw.page_state(), 3, "nothing is acknowledged while the command runs");
    host.backend.respond(given.ticket, &command(12)).unwrap();
    assert!(front.send(&command(13)));
    host.turn();
    assert_eq!(front.receive(), Sent::Answer(command(13)));
}

#[test]
fn an_answer_that_does_not_fit_is_reported_and_the_frontend_gets_a_failure() {
    for (tag, expected) in [
        ([0x80, 0x02], [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1]),
        ([0x00, 0xc1], [0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 9]),
        ([0x01, 0xc1], [0x01, 0xc4, 0, 0, 0, 10, 0, 0, 0, 9]),
    ] {
        let mut host = Host::new(1);
        let mut front = host.connected_linux(id(5, 0));
        let mut packet = command(20);
        packet[..2].copy_from_slice(&tag);
        assert!(front.send(&packet));
        let given = next(&mut host);
        let refused = host.backend.respond(given.ticket, &command(4089));
        assert_eq!(refused, Err(NotAnswered::DoesNotFit { length: 4089, room: 4088 }));
        assert_eq!(front.receive(), Sent::Answer(expected.to_vec()));
    }
}

#[test]
fn a_command_the_owner_cannot_execute_is_answered_with_a_failure() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    assert!(front.send(&command(20)));
    let given = next(&mut host);
    host.backend.fail(given.ticket).unwrap();
    assert_eq!(front.receive(), Sent::Answer([0x80, 1, 0, 0, 0, 10, 0, 0, 1, 1].to_vec()));
}

/// A program's write to Linux's /dev/tpm0 whose size field is below 10 reaches the page.
#[test]
fn a_packet_shorter_than_a_header_is_answered_and_its_frontend_served_on() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    for (packet, answer) in [
        (&[0x80, 1, 0, 0, 0, 6][..], [0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x42]),
        (&[0x80, 1, 0, 0, 0, 9, 0, 0, 1][..], [0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x42]),
        (&[0x80, 1, 0][..], [0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x42]),
        (&[0, 0xc1, 0, 0, 0, 6][..], [0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x19]),
        (&[0x80][..], [0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x19]),
    ] {
        let told = host.notes.len();
        assert!(front.send(packet));
        host.tick();
        assert_eq!(front.receive(), Sent::Answer(answer.to_vec()), "{packet:02x?}");
        assert!(front.raw.was_notified());
        assert_eq!(host.notes.len(), told, "the owner has nothing to do with it");
    }
    assert!(front.send(&command(12)));
    host.tick();
    assert_eq!(front.receive(), Sent::Answer(command(12)));
}

#[test]
fn lengths_that_cannot_be_end_only_the_connection_that_announced_them() {
    for (length, fault) in [
        (5000, PeerMisbehaved::TooLong { length: 5000, room: 4088 }),
        (4089, PeerMisbehaved::TooLong { length: 4089, room: 4088 }),
        (9, PeerMisbehaved::SizeDisagrees { length: 9, header: 20 }),
        (0, PeerMisbehaved::TooShort { length: 0 }),
        (21, PeerMisbehaved::SizeDisagrees { length: 21, header: 20 }),
    ] {
        let mut host = Host::new(2);
        let mut good = host.connected_linux(id(4, 0));
        let mut bad = host.connected_raw(id(5, 0));
        bad.page().poke(8, &command(20));
        bad.page().poke(0, &u32::to_le_bytes(length));
        bad.page().poke(4, &[1]);
        bad.notify();
        host.tick();
        let reason = Reason::Misbehaved(fault);
        assert_eq!(host.notes.last(), Some(&Note::Disconnected(id(5, 0), reason)));
        assert_eq!(bad.backend_state(), "6");
        assert!(host.message(id(5, 0)).is_some());
        assert_eq!(host.world.mappings(BACK), 1);
        assert!(good.send(&command(12)));
        host.tick();
        assert_eq!(good.receive(), Sent::Answer(command(12)));
    }
}

#[test]
fn a_frontend_that_lied_may_close_and_open_again() {
    let mut host = Host::new(1);
    let mut front = host.connected_raw(id(5, 0));
    front.page().poke(4, &[77]);
    front.notify();
    host.tick();
    assert_eq!(front.backend_state(), "6");
    front.free_ring();
    front.set("state", "6");
    host.tick();
    front.publish_ring();
    front.set("state", "4");
    host.tick();
    front.submit(&command(10));
    host.tick();
    assert_eq!(front.answer(), command(10));
}

#[test]
fn announced_extra_pages_only_move_the_data() {
    let mut host = Host::new(1);
    let front = host.connected_raw(id(5, 0));
    let page = front.page();
    page.poke(12, &command(16));
    page.poke(0, &[16, 0, 0, 0, 1, 0, 0, 1]);
    front.notify();
    host.tick();
    assert_eq!(page.bytes()[4], 2);
    assert_eq!(page.bytes()[12..28], command(16));
}
