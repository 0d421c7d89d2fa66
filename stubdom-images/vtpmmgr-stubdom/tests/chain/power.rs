//! The power goes at every write and flush of a running manager, also between its commit and its
//! answer.

use crate::rig::{Disk, Rig, Vtpm, body, disk};
use domain_io::test_utils::{Cut, TracedDisk};
use std::cell::RefCell;
use std::rc::Rc;
use tpm_wire::manager::Request;

const VTPMS: u16 = 4;
const SAVES: u16 = 30;

/// What had been answered when the disk's trace was this long.
struct Answered {
    place: usize,
    vtpm: u16,
    save: u16,
}

#[test]
fn nothing_that_was_answered_is_lost_and_every_restart_succeeds() {
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let mut vtpms: Vec<_> = (1..=VTPMS).map(|number| Vtpm::connect(&mut rig, number)).collect();
    // The trace begins here: how a store is made is tested elsewhere.
    let restarted = disk.borrow().restarted();
    *disk.borrow_mut() = restarted;
    let trace = disk.borrow().trace();
    let mut answered = Vec::new();
    for save in 1..=SAVES {
        for (vtpm, number) in vtpms.iter_mut().zip(1..) {
            // Saves alone and together.
            if save % 3 != 0 || number % 2 == 0 {
                vtpm.submit(&Request::Save(&body(number, save)).packet());
            }
        }
        rig.turn();
        for (vtpm, number) in vtpms.iter_mut().zip(1..) {
            if vtpm.answer().is_some() {
                answered.push(Answered { place: trace.len(), vtpm: number, save });
            }
        }
    }
    let mut cuts = 0;
    disk.borrow().each_cut(|cut| {
        let ways = if cut.pending() == 0 { 1 } else { 4 };
        for way in 0..ways {
            check(&kept(cut, way), cut.place, &answered);
            cuts += 1;
        }
    });
    println!("{cuts} cuts");
    assert!(cuts > 2000, "{cuts}");
}

/// The disk when none, all, every other, or all but the last of the unflushed sectors got through.
fn kept(cut: &Cut<'_>, way: usize) -> TracedDisk {
    let last = cut.pending().saturating_sub(1);
    cut.disk(|number| match way {
        0 => false,
        1 => true,
        2 => number % 2 == 0,
        _ => number != last,
    })
}

fn check(disk: &TracedDisk, place: usize, answered: &[Answered]) {
    let disk: Disk = Rc::new(RefCell::new(disk.clone()));
    let mut rig = Rig::start(&disk);
    let number = u16::try_from(place).unwrap() % VTPMS + 1;
    let promised = answered.iter().filter(|one| one.vtpm == number && one.place <= place);
    let promised = promised.map(|one| one.save).max();
    let mut vtpm = Vtpm::connect(&mut rig, number);
    let (status, found) = vtpm.request(&mut rig, Request::Load);
    match promised {
        None => assert!(status == 3 || status == 0, "{status}"),
        Some(save) => {
            assert_eq!(status, 0, "the save {save} was answered at step {place}");
            let newer = (save..=SAVES).any(|save| found == body(number, save));
            assert!(newer, "the save {save} was answered at step {place}");
        }
    }
    // A save that was kept and never answered is one save when it is sent again.
    let again = Request::Save(&body(number, SAVES));
    assert_eq!(vtpm.request(&mut rig, again).0, 0);
}
