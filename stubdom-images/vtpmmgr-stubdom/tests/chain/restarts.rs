//! Domains come and go.

use crate::rig::{Rig, Vtpm, body, disk, parts, uuid};
use domain_io::DomainId;
use std::time::Duration;
use tpm_wire::manager::{Command, Force, Request};
use tpmif::nodes::DeviceId;
use tpmif::peers::Waiting;

#[test]
fn three_vtpms_find_their_states_again_whatever_restarts() {
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let mut vtpms: Vec<_> = (1..=3).map(|number| Vtpm::connect(&mut rig, number)).collect();
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        assert_eq!(vtpm.request(&mut rig, Request::Load).0, 3, "unknown");
        for save in 1..=number {
            let sent = body(number, save);
            assert_eq!(vtpm.request(&mut rig, Request::Save(&sent)).0, 0);
        }
    }
    rig.shutdown();
    // The manager comes back as another domain, and the toolstack attaches everything anew.
    let world = rig.world.clone();
    world.destroy_domain(rig.id);
    drop((vtpms, rig));
    let mut rig = Rig::start_in(&world, DomainId(901), &disk);
    for number in [2, 1, 3] {
        let mut vtpm = Vtpm::connect(&mut rig, 10 + number);
        assert_eq!(vtpm.request(&mut rig, Request::Load).0, 3, "another uuid, another record");
        world.destroy_domain(vtpm.id.frontend);
        rig.libxl.destroy(rig.id, vtpm.id);
        let mut again = Vtpm::create(&mut rig, 20 + number, number);
        again.await_connection(&mut rig);
        let expected = body(number, number).to_vec();
        assert_eq!(again.request(&mut rig, Request::Load), (0, expected));
    }
}

#[test]
fn a_second_device_of_a_uuid_is_refused_and_told_why() {
    let mut rig = Rig::start(&disk());
    let mut first = Vtpm::connect(&mut rig, 1);
    rig.world.add_domain(DomainId(2));
    let second = DeviceId { frontend: DomainId(2), device: 0 };
    assert_eq!(rig.attach(second, uuid(1)), Waiting::TimedOut);
    let message = rig.message(second).expect("a message");
    assert!(message.contains("in use by vTPM device 0 of domain 1"), "{message}");
    assert_eq!(first.request(&mut rig, Request::Save(&body(1, 1))).0, 0, "the first goes on");
}

#[test]
fn a_vtpm_domain_that_was_destroyed_can_be_created_anew_at_once() {
    let mut rig = Rig::start(&disk());
    let mut first = Vtpm::connect(&mut rig, 1);
    assert_eq!(first.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
    rig.libxl.destroy(rig.id, first.id);
    // Not one turn of the manager's in between: the old device is still in its books.
    let mut second = Vtpm::create(&mut rig, 2, 1);
    second.await_connection(&mut rig);
    assert_eq!(second.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    rig.tick(Duration::from_secs(2));
    assert_eq!(second.request(&mut rig, Request::Load).0, 0, "the old one's end is not its own");
}

#[test]
fn domain_0_ends_the_manager_and_gets_its_answer() {
    let mut rig = Rig::start(&disk());
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
    let mut dom0 = Vtpm::create(&mut rig, 0, 77);
    dom0.await_connection(&mut rig);
    let end = |force| Command::PrepareShutdown(force).packet();
    assert_eq!(parts(&dom0.ask(&mut rig, &end(Force::No))).0, 7, "a vTPM is attached");
    assert!(!rig.domain.wants_end());
    assert_eq!(parts(&dom0.ask(&mut rig, &end(Force::Yes))).0, 0);
    assert!(rig.domain.wants_end());
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 2))).0, 0x800);
}

#[test]
fn another_label_or_one_that_cannot_be_read_does_not_get_a_vtpms_state() {
    let mut rig = Rig::start(&disk());
    *rig.label.borrow_mut() = Ok(Some(b"system_u:system_r:vtpm_t".to_vec()));
    let mut first = Vtpm::connect(&mut rig, 1);
    assert_eq!(first.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
    rig.libxl.destroy(rig.id, first.id);
    *rig.label.borrow_mut() = Ok(Some(b"system_u:system_r:guest_t".to_vec()));
    let mut second = Vtpm::create(&mut rig, 2, 1);
    second.await_connection(&mut rig);
    assert_eq!(second.request(&mut rig, Request::Load).0, 7);
    rig.libxl.destroy(rig.id, second.id);
    *rig.label.borrow_mut() = Err(-13);
    let mut third = Vtpm::create(&mut rig, 3, 1);
    for _ in 0..30 {
        let _ = third.poll();
        rig.tick(Duration::from_millis(100));
    }
    let message = rig.message(third.id).expect("a message");
    assert!(message.contains("label cannot be read"), "{message}");
}
