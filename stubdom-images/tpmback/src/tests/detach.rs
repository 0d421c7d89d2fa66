//! Removal by the toolstack, which waits ten seconds for each step that is missed.

use super::*;
use crate::Reason;
use core::time::Duration;
use domain_io::test_utils::{Access, Permissions};
use domain_io::{DomainId, Xenstore};
use tpmif::peers::{Sent, Waiting, Waits};

const SOON: Duration = Duration::from_secs(1);

fn remove(host: &mut Host, device: crate::DeviceId, mut first: Waits) {
    let (ended, took) = host.until(&mut first);
    assert_eq!(ended, Waiting::Reached);
    assert!(took < SOON, "{took:?} until Closed");
    let mut second = host.libxl.wait_for_removal(BACK, device);
    let (ended, took) = host.until(&mut second);
    assert_eq!(ended, Waiting::Reached);
    assert!(took < SOON, "{took:?} until removed");
    host.libxl.finish_removal(device);
    assert_eq!((host.world.mappings(BACK), host.world.ports(BACK).len()), (0, 0));
    assert_eq!(host.notes.last(), Some(&Note::Removed(device)));
}

#[test]
fn a_detach_from_a_running_guest_takes_less_than_a_second_per_step() {
    for late in [0, 100, 250] {
        let mut host = Host::new(1);
        host.libxl.delay = Duration::from_millis(late);
        let mut front = host.connected_linux(id(5, 0));
        let wait = host.libxl.detach(BACK, id(5, 0));
        host.tick();
        front.backend_changed();
        remove(&mut host, id(5, 0), wait);
    }
}

#[test]
fn a_frontend_that_is_detached_is_answered_until_it_has_closed() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    front.send(&command(22));
    let wait = host.libxl.detach(BACK, id(5, 0));
    for _ in 0..3 {
        host.run(Duration::from_millis(100));
        let Sent::Answer(answer) = front.receive() else { panic!("it waits") };
        assert_eq!(answer[6..], [0, 0, 1, 1], "TPM_RC_FAILURE");
        front.send(&command(22));
    }
    assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "5");
    assert_eq!(host.commands(), 1, "the owner hears of no more");
    front.backend_changed();
    remove(&mut host, id(5, 0), wait);
}

#[test]
fn a_frontend_that_does_not_close_keeps_a_detach_for_four_seconds_and_no_longer() {
    let mut host = Host::new(1);
    let _front = host.connected_linux(id(5, 0));
    let mut wait = host.libxl.detach(BACK, id(5, 0));
    let (ended, took) = host.until(&mut wait);
    assert_eq!((ended, took.as_secs()), (Waiting::Reached, 4));
    assert_eq!((host.world.mappings(BACK), host.world.ports(BACK).len()), (0, 0));
    let left = Note::Disconnected(id(5, 0), Reason::DetachRequested);
    assert_eq!(host.notes.iter().filter(|note| **note == left).count(), 1);
}

#[test]
fn a_detach_does_not_need_the_frontend() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    let wait = host.libxl.detach(BACK, id(5, 0));
    remove(&mut host, id(5, 0), wait);
}

#[test]
fn a_destroyed_guest_is_removed_without_the_toolstack_waiting_out_its_time() {
    for late in [0, 250] {
        let mut host = Host::new(1);
        host.libxl.delay = Duration::from_millis(late);
        let _front = host.connected_linux(id(5, 0));
        let wait = host.libxl.destroy(BACK, id(5, 0));
        remove(&mut host, id(5, 0), wait);
    }
}

#[test]
fn a_detach_while_the_frontend_is_closing_is_done_all_the_same() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    front.begin_shutdown();
    host.tick();
    let wait = host.libxl.detach(BACK, id(5, 0));
    remove(&mut host, id(5, 0), wait);
}

#[test]
fn a_state_of_5_from_the_toolstack_is_enough_without_online_0() {
    let mut host = Host::new(1);
    let mut front = host.connected_linux(id(5, 0));
    host.libxl.store.write("/local/domain/3/backend/vtpm/5/0/state", "5").unwrap();
    host.tick();
    front.backend_changed();
    host.tick();
    assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "6");
    assert_eq!(host.notes.last(), Some(&Note::Disconnected(id(5, 0), Reason::DetachRequested)));
}

#[test]
fn the_nodes_stay_for_a_while_after_closed() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    let _wait = host.libxl.detach(BACK, id(5, 0));
    host.run(Duration::from_millis(250));
    assert_eq!(host.own_node(id(5, 0), "state").unwrap(), "6");
    host.run(Duration::from_millis(100));
    assert_eq!(host.own_node(id(5, 0), "state"), None);
}

#[test]
fn a_frontend_whose_nodes_vanish_is_dropped() {
    let mut host = Host::new(1);
    let _front = host.connected_linux(id(5, 0));
    host.libxl.store.remove("/local/domain/5/device/vtpm/0").unwrap();
    host.run(Duration::from_millis(500));
    let expected = [Note::Disconnected(id(5, 0), Reason::FrontendGone), Note::Removed(id(5, 0))];
    assert!(host.notes.ends_with(&expected));
}

#[test]
fn a_domain_removed_in_one_piece_out_of_our_sight_is_noticed_within_a_minute() {
    let mut host = Host::new(1);
    let _front = host.connected_linux(id(5, 0));
    host.world.destroy_domain(DomainId(5));
    host.libxl.store.remove("/local/domain/5").unwrap();
    host.run(Duration::from_secs(60));
    assert_eq!(host.notes.last(), Some(&Note::Removed(id(5, 0))));
}

#[test]
fn a_backend_directory_removed_under_us_ends_the_device() {
    let mut host = Host::new(1);
    let _front = host.connected_linux(id(5, 0));
    host.libxl.store.remove("/local/domain/3/backend/vtpm/5").unwrap();
    host.tick();
    assert_eq!(host.notes.last(), Some(&Note::Removed(id(5, 0))));
    assert_eq!(host.world.mappings(BACK), 0);
}

#[test]
fn a_device_created_anew_in_the_same_place_is_not_removed_with_the_old_one() {
    let mut host = Host::new(1);
    host.attach(id(5, 0));
    let _wait = host.libxl.detach(BACK, id(5, 0));
    host.run(Duration::from_millis(100));
    let mut wait = host.libxl.attach(BACK, id(5, 0));
    assert_eq!(host.until(&mut wait).0, Waiting::Reached);
    assert!(host.notes.ends_with(&[Note::Removed(id(5, 0)), Note::Attached(id(5, 0))]));
}

#[test]
fn a_device_can_be_detached_and_attached_under_the_same_and_another_number() {
    let mut host = Host::new(1);
    for device in [0, 0, 1] {
        let mut front = host.connected_linux(id(5, device));
        let wait = host.libxl.detach(BACK, id(5, device));
        host.tick();
        front.backend_changed();
        remove(&mut host, id(5, device), wait);
        drop(front);
    }
}

#[test]
fn an_empty_directory_of_a_frontend_goes_where_it_is_ours_and_stays_where_it_is_not() {
    for ours in [false, true] {
        let mut host = Host::new(1);
        host.attach(id(5, 0));
        if ours {
            let own = Permissions::owned(BACK).with(DomainId(5), Access::Read);
            host.libxl.store.set_permissions("/local/domain/3/backend/vtpm/5", own).unwrap();
        }
        let _wait = host.libxl.detach(BACK, id(5, 0));
        host.run(Duration::from_secs(1));
        assert_eq!(host.store.list("backend/vtpm").unwrap().is_empty(), ours);
    }
}

#[test]
fn of_frontends_that_were_turned_away_no_directory_of_their_messages_stays() {
    let mut host = Host::new(1);
    host.refused.push(DomainId(5));
    for number in [0, 1] {
        host.world.add_domain(DomainId(5));
        let _wait = host.libxl.attach(BACK, id(5, number));
        host.run(Duration::from_secs(1));
        assert!(host.message(id(5, number)).is_some());
    }
    for (number, left) in [(0, 1), (1, 0)] {
        let _wait = host.libxl.detach(BACK, id(5, number));
        host.run(Duration::from_secs(2));
        let there = host.store.list("error/backend/vtpm/5").map_or(0, |there| there.len());
        assert_eq!((there, host.message(id(5, number))), (left, None));
    }
    assert!(host.store.list("error/backend/vtpm").unwrap().is_empty());
}

#[test]
fn a_xenstore_that_does_not_answer_is_asked_again() {
    let mut host = Host::new(1);
    let _front = host.connected_linux(id(5, 0));
    let _wait = host.libxl.detach(BACK, id(5, 0));
    host.store.failure = Some(domain_io::StoreError::NoAnswer);
    host.run(Duration::from_secs(3));
    assert_eq!(host.world.mappings(BACK), 1);
    host.store.failure = None;
    host.run(Duration::from_secs(6));
    assert_eq!(host.notes.last(), Some(&Note::Removed(id(5, 0))));
}
