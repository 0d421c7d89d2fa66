//! The disk fails under a running manager.

use crate::hardware::domain_0;
use crate::policy::{listen, said_here};
use crate::rig::{Disk, Rig, Vtpm, body, disk, parts, uuid};
use domain_io::test_utils::TracedDisk;
use std::cell::RefCell;
use std::rc::Rc;
use tpm_wire::TpmVersion;
use tpm_wire::manager::{Command, Request};

/// The disk dies at each step of a save, and comes back: nobody is told that something was kept
/// which was not, the truth can be asked for, and the manager goes on.
#[test]
fn a_disk_that_fails_in_the_middle_of_a_save_is_found_out_and_gone_on_with() {
    let mut outcomes = [0, 0];
    for steps in 0..40 {
        let disk = disk();
        let mut rig = Rig::start(&disk);
        let mut vtpm = Vtpm::connect(&mut rig, 1);
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
        disk.borrow_mut().die_after(Some(steps));
        let status = vtpm.request(&mut rig, Request::Save(&body(1, 2))).0;
        assert!(status == 0 || status == 9, "{status}");
        disk.borrow_mut().die_after(None);
        let (found, kept) = vtpm.request(&mut rig, Request::Load);
        assert_eq!(found, 0);
        let is_new = kept == body(1, 2);
        assert!(is_new || kept == body(1, 1));
        assert!(is_new || status == 9, "a save that was answered with 0 is there");
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 3))).0, 0, "it goes on");
        assert_eq!(vtpm.request(&mut rig, Request::Load).1, body(1, 3));
        outcomes[usize::from(status != 0)] += 1;
    }
    assert!(outcomes.iter().all(|seen| *seen > 0), "both happened: {outcomes:?}");
}

#[test]
fn while_the_disk_is_gone_saves_fail_and_nothing_hangs() {
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert!(!rig.domain.has_lost_disk());
    disk.borrow_mut().die_after(Some(0));
    for save in 1..5 {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, save))).0, 9);
        assert_eq!(vtpm.request(&mut rig, Request::Load).0, 9, "not unknown: not readable");
        assert!(rig.domain.has_lost_disk(), "the image ends with it");
    }
    disk.borrow_mut().die_after(None);
    assert_eq!(vtpm.request(&mut rig, Request::Load).0, 3);
}

#[test]
fn a_full_store_costs_few_lines_however_often_a_new_vtpm_asks_for_room() {
    const NO_SPACE: u32 = 17;
    listen();
    let mut rig = Rig::start(&Rc::new(RefCell::new(TracedDisk::new(vec![0; 256 << 10]))));
    let mut dom0 = domain_0(&mut rig);
    let refused = (1000..4000).find(|number| {
        let new = Command::New { uuid: uuid(*number).0, version: TpmVersion::Tpm20, group: 0 };
        parts(&dom0.ask(&mut rig, &new.packet())).0 == NO_SPACE
    });
    assert!(refused.is_some(), "it is full");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let before = said_here().len();
    for save in 0..300 {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, save))).0, NO_SPACE);
    }
    let said = said_here().split_off(before);
    let lines = said.lines().filter(|line| line.contains("not kept") || line.contains("is new"));
    assert!((1..=5).contains(&lines.count()), "{said}");
}

/// A leaf of the store is damaged: its vTPMs get a failure, never "unknown", and all others are
/// served, also when both ask in the same turn.
#[test]
fn a_damaged_page_concerns_only_the_vtpms_in_it() {
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let mut vtpms: Vec<_> = (1..=120).map(|number| Vtpm::connect(&mut rig, number)).collect();
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        assert_eq!(vtpm.request(&mut rig, Request::Save(&body(number, 1))).0, 0);
    }
    let broken = damaged(&disk);
    let mut rig = Rig::start(&broken);
    let mut vtpms: Vec<_> = (1..=120).map(|number| Vtpm::connect(&mut rig, number)).collect();
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        vtpm.submit(&Request::Save(&body(number, 2)).packet());
    }
    for _ in 0..8 {
        rig.turn();
    }
    let statuses: Vec<_> =
        vtpms.iter_mut().map(|vtpm| crate::rig::parts(&vtpm.answer().unwrap()).0).collect();
    let failed = statuses.iter().filter(|status| **status == 9).count();
    let kept = statuses.iter().filter(|status| **status == 0).count();
    assert!(failed > 0 && kept > 0 && failed + kept == 120, "{statuses:?}");
    for (vtpm, status) in vtpms.iter_mut().zip(statuses) {
        assert_eq!(vtpm.request(&mut rig, Request::Load).0, status);
    }
}

/// The same disk with one leaf changed: the page with records that lies last on the disk.
fn damaged(disk: &Disk) -> Disk {
    let mut bytes = disk.borrow().bytes();
    for page in (8..bytes.len() / 4096).rev() {
        let was = bytes[page * 4096 + 100];
        if bytes[page * 4096..][..4096].iter().all(|byte| *byte == 0) {
            continue;
        }
        bytes[page * 4096 + 100] ^= 1;
        let broken = Rc::new(RefCell::new(TracedDisk::new(bytes.clone())));
        if opens_with_damage(&broken) {
            return broken;
        }
        bytes[page * 4096 + 100] = was;
    }
    panic!("no page is a leaf in use");
}

/// Whether the store opens, and its first or last record is damaged.
fn opens_with_damage(disk: &Disk) -> bool {
    use domain_io::test_utils::World;
    use vtpm_manager::WithoutHardware;
    let copy = Rc::new(RefCell::new(disk.borrow().restarted()));
    let world = World::new();
    let id = domain_io::DomainId(903);
    let keeper = Box::new(WithoutHardware);
    let Ok(mut rig) = Rig::with(&world, id, &copy, keeper, None, "hwtpm=none") else {
        return false;
    };
    (1..=120).step_by(10).any(|number| {
        let mut vtpm = Vtpm::connect(&mut rig, number);
        vtpm.request(&mut rig, Request::Load).0 == 9
    })
}
