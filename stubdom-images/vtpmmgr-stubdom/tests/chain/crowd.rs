//! Hundreds of vTPMs at once.

use crate::rig::{Rig, Vtpm, body, disk, parts};
use std::time::{Duration, Instant};
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

/// The longest that each has waited: commands of others, and time on this machine.
#[derive(Clone, Copy, Default)]
struct Longest {
    commands: usize,
    time: Duration,
}

#[test]
fn none_of_five_hundred_waits_for_more_than_one_command_of_each_other() {
    let mut rig = Rig::start(&disk());
    let mut vtpms: Vec<_> = (1..=500).map(|number| Vtpm::connect(&mut rig, number)).collect();
    assert_eq!(rig.domain.ports().count(), 500, "500 pages and ports at once");
    let mut asked = vec![None; 500];
    let mut longest = vec![Longest::default(); 500];
    let (mut answered, mut random) = (0_usize, 1_u64);
    for turn in 0..300_u16 {
        for ((vtpm, asked), number) in vtpms.iter_mut().zip(&mut asked).zip(1..) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if asked.is_none() && (random >> 40).is_multiple_of(2) {
                let save = Request::Save(&body(number, turn)).packet();
                vtpm.submit(&if random >> 63 == 0 { save } else { Request::Load.packet() });
                *asked = Some((answered, Instant::now()));
            }
        }
        rig.turn();
        let answers: Vec<_> = vtpms.iter_mut().map(|vtpm| vtpm.answer().is_some()).collect();
        let here = answers.iter().filter(|there| **there).count();
        for ((there, asked), longest) in answers.iter().zip(&mut asked).zip(&mut longest) {
            let Some((before, since)) = asked.filter(|_| *there) else { continue };
            longest.commands = longest.commands.max(answered + here - before - 1);
            longest.time = longest.time.max(since.elapsed());
            *asked = None;
        }
        answered += here;
    }
    let of = |what: fn(&Longest) -> usize| {
        let all = longest.iter().map(what);
        (all.clone().min().unwrap(), all.max().unwrap())
    };
    let (commands, time) = (of(|l| l.commands), of(|l| l.time.subsec_millis() as usize));
    println!(
        "figure: 500 vTPMs, {answered} commands; the longest wait of each is {commands:?} commands of"
    );
    println!("figure: others, {time:?} ms (the luckiest's and the unluckiest's)");
    assert!(answered > 15_000, "{answered}");
    assert!(commands.1 <= 499 + 64, "one of each other, and the turn that this one is in");
    assert!(commands.1 < 3 * commands.0, "nobody is much worse off: {commands:?}");
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
