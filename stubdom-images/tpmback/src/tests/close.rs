//! Closing from the frontend's side, and opening again.

use super::*;
use crate::Reason;
use core::time::Duration;
use domain_io::Xenstore;
use tpmif::peers::{Closing, Sent};

#[test]
fn mini_os_closes_and_opens_again_any_number_of_times() {
    let mut host = Host::new(1);
    let mut front = host.mini_os(id(5, 0));
    for round in 0..40 {
        front.open();
        host.run(Duration::from_secs(2));
        assert!(front.is_open(), "round {round}");
        front.raw.submit(&command(14));
        host.tick();
        assert_eq!(front.raw.answer(), command(14));
        front.begin_close();
        host.tick();
        assert_eq!(host.world.mappings(BACK), 0, "unmapped before the frontend frees its page");
        while front.go_on_closing() != Closing::Done {
            host.tick();
        }
    }
    assert_eq!(host.world.grants_ended_while_mapped(), 0);
}

#[test]
fn a_frontend_that_closes_gets_init_wait_while_the_device_is_online() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    assert_eq!(host.backend.port(id(5, 0)), Some(host.world.ports(BACK)[0]));
    front.remove();
    host.tick();
    assert_eq!(host.backend.port(id(5, 0)), None);
    assert_eq!(front.raw.backend_state(), "2");
    assert_eq!(host.notes.last(), Some(&Note::Disconnected(id(5, 0), Reason::FrontendClosed)));
    assert_eq!((host.world.mappings(BACK), host.world.ports(BACK).len()), (0, 0));
}

#[test]
fn a_driver_loaded_again_before_the_backend_looked_is_connected_to_its_new_page() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    front.remove();
    front.probe(&command(33));
    host.run(Duration::from_secs(1));
    assert_eq!(front.receive(), Sent::Answer(command(33)));
    front.backend_changed();
    assert!(front.is_connected());
    assert!(host.notes.contains(&Note::Disconnected(id(5, 0), Reason::FrontendReopened)));
}

#[test]
fn a_driver_that_was_turned_away_and_loaded_again_before_the_backend_looked_is_connected() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    front.raw.page().poke(0, &5000_u32.to_le_bytes());
    front.raw.page().poke(4, &[1]);
    front.raw.notify();
    host.tick();
    assert_eq!(front.raw.backend_state(), "6");
    front.remove();
    front.probe(&command(33));
    host.run(Duration::from_secs(1));
    assert_eq!(front.receive(), Sent::Answer(command(33)));
    front.backend_changed();
    assert!(front.is_connected());
}

#[test]
fn a_guest_that_shuts_down_is_not_kept_waiting() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    front.begin_shutdown();
    host.tick();
    assert!(front.shutdown_goes_on());
}

#[test]
fn an_answer_to_a_closed_connection_never_reaches_the_next_one() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    assert!(front.send(&command(12)));
    let event = host.backend.poll(&mut host.store, &mut host.sharing, &host.clock);
    let Some(crate::Event::Command(old)) = event else { panic!("{event:?}") };
    front.remove();
    front.probe(&command(44));
    for _ in 0..100 {
        host.clock.advance(Duration::from_millis(20));
        while let Some(event) = host.store.next_event() {
            host.backend.notice(&event);
        }
        let event = host.backend.poll(&mut host.store, &mut host.sharing, &host.clock);
        if let Some(crate::Event::Command(new)) = event {
            assert_eq!(new.bytes, command(44));
            let answered = host.backend.respond(old.ticket, &command(12));
            assert_eq!(answered, Err(crate::NotAnswered::Gone));
            assert_eq!(front.receive(), Sent::Waiting);
            host.backend.respond(new.ticket, &command(44)).unwrap();
            assert_eq!(front.receive(), Sent::Answer(command(44)));
            return;
        }
    }
    panic!("the new connection's command never came");
}

#[test]
fn a_storm_of_closing_and_opening_is_slowed_down_and_never_shut_out() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    for _ in 0..1000 {
        front.remove();
        host.tick();
        front.probe(&command(22));
        host.tick();
    }
    let opened = host.notes.iter().filter(|n| matches!(n, Note::Connected(_))).count();
    assert!((5..=25).contains(&opened), "{opened} connections in ten seconds");
    host.run(Duration::from_secs(3));
    assert_eq!(front.receive(), Sent::Answer(command(22)));
}

#[test]
fn shutdown_closes_everything_and_removes_it() {
    let mut host = Host::new(3);
    let mut front = host.connected_linux(id(5, 0));
    host.attach(id(6, 0));
    host.backend.shutdown(&mut host.store, &host.clock);
    assert_eq!((host.world.mappings(BACK), host.world.ports(BACK).len()), (0, 0));
    front.backend_changed();
    assert!(!front.is_connected());
    host.run(Duration::from_millis(400));
    assert!(host.backend.is_empty());
    assert_eq!(host.backend.next_deadline(), None);
    assert!(host.store.list("backend/vtpm/5").unwrap().is_empty());
}
