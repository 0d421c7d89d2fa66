//! Hundreds of vTPMs at once.

use crate::rig::{Rig, Vtpm, body, disk, parts};
use tpm_wire::manager::Request;
use tpm_wire::{PacketBuilder, Tag};

/// Turns of the manager in which everybody who asked at the same time must be answered: 64 commands
/// a turn, and some slack for turns that end early.
const TURNS: usize = 500 / 64 + 4;

#[test]
fn five_hundred_vtpms_save_at_once_and_share_the_flushes() {
    let disk = disk();
    let mut rig = Rig::start(&disk);
    let mut vtpms: Vec<_> = (1..=500).map(|number| Vtpm::connect(&mut rig, number)).collect();
    for save in 1..=3 {
        let before = disk.borrow().trace().flushes();
        for (vtpm, number) in vtpms.iter_mut().zip(1..) {
            vtpm.submit(&Request::Save(&body(number, save)).packet());
        }
        let mut answered = 0;
        for _ in 0..TURNS {
            rig.turn();
            let answers = vtpms.iter_mut().filter_map(Vtpm::answer);
            answered += answers.inspect(|answer| assert_eq!(parts(answer).0, 0)).count();
        }
        assert_eq!(answered, 500, "nobody waits for longer");
        let flushes = disk.borrow().trace().flushes() - before;
        assert!(flushes <= TURNS, "{flushes} flushes for 500 saves");
    }
    for (vtpm, number) in vtpms.iter_mut().zip(1..) {
        assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(number, 3).to_vec()));
    }
}

#[test]
fn vtpms_that_flood_the_manager_do_not_starve_one_that_asks_once() {
    let mut rig = Rig::start(&disk());
    let mut crowd: Vec<_> = (1..=60).map(|number| Vtpm::connect(&mut rig, number)).collect();
    let mut quiet = Vtpm::connect(&mut rig, 100);
    let random = PacketBuilder::new(Tag::RQU_COMMAND, 0x46).u32(u32::MAX).finish();
    let flood = |vtpms: &mut Vec<Vtpm>, save: u16| {
        for (vtpm, number) in vtpms.iter_mut().zip(1..) {
            let _ = vtpm.answer();
            let save = Request::Save(&body(number, save)).packet();
            vtpm.submit(if number % 2 == 0 { &random } else { &save });
        }
    };
    for round in 1..=50 {
        flood(&mut crowd, round);
        quiet.submit(&Request::Save(&body(100, round)).packet());
        let waited = (1..=4).find(|_| {
            rig.turn();
            quiet.answer().is_some()
        });
        assert!(waited.is_some(), "round {round}: no answer within four turns");
        // Whoever is served last is asked for again before the next round.
        for _ in 0..4 {
            rig.turn();
        }
    }
}
