//! Old state is refused: copies of the manager's disk put back, with swtpm behind a layer that
//! throttles and wears out.

use crate::hardware::{domain_0, hardware, policy};
use crate::layer::{Layer, Wire};
use crate::policy::{listen, said};
use crate::rig::{Disk, Rig, Vtpm, body, disk};
use domain_io::test_utils::{TracedDisk, World};
use domain_io::{Clock, DomainId};
use peers::Family;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tpm_wire::manager::{Force, PolicyCommand, Request};
use vtpm_custody::Access;
use vtpm_manager::{OldStore, OpenError, WithHardware};

static LIVES: AtomicU16 = AtomicU16::new(900);

/// A start of the manager with this disk, TPM and command line.
pub(crate) fn start(
    wire: &Wire,
    family: Family,
    disk: &Disk,
    line: &str,
) -> Result<Rig, OpenError> {
    let world = World::new();
    let hardware = hardware(&world, family, wire);
    let keeper = Box::new(WithHardware::new(Access::default(), world.clock(), Force::Yes));
    // Another domain each time, and other random bytes with it.
    let id = DomainId(LIVES.fetch_add(1, Ordering::Relaxed));
    Rig::with(&world, id, disk, keeper, Some(hardware), line)
}

pub(crate) fn start20(wire: &Wire, disk: &Disk, line: &str) -> Rig {
    start(wire, Family::Tpm20, disk, line).unwrap_or_else(|why| panic!("{why}"))
}

fn refusal(wire: &Wire, disk: &Disk, line: &str) -> OldStore {
    match start(wire, Family::Tpm20, disk, line) {
        Err(OpenError::Old(why)) => why,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an old disk is served"),
    }
}

/// What a copy of the disk's image holds: everything that was flushed.
pub(crate) fn copy(disk: &Disk) -> Disk {
    Rc::new(RefCell::new(TracedDisk::new(disk.borrow().bytes())))
}

pub(crate) fn save(rig: &mut Rig, vtpm: &mut Vtpm, number: u16, save: u16) -> u32 {
    vtpm.request(rig, Request::Save(&body(number, save))).0
}

#[test]
fn an_older_disk_is_refused_by_how_much_and_the_newest_is_served() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let old = copy(&disk);
    for number in 2..=4 {
        let before = wire.borrow().increments;
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 0);
        assert_eq!(wire.borrow().increments, before + 1, "one increment for a save");
    }
    rig.shutdown();
    drop((vtpm, rig));
    let OldStore::Older { counter, says, .. } = refusal(&wire, &old, "tpm2") else { panic!() };
    assert_eq!(says - counter, 3);
    let message = refusal(&wire, &old, "tpm2").to_string();
    assert!(message.contains("older than the hardware TPM's counter by 3"), "{message}");
    assert!(message.contains("docs/rollback.md"), "{message}");
    let before = wire.borrow().increments;
    let mut rig = start20(&wire, &disk, "tpm2");
    assert_eq!(wire.borrow().increments, before + 2, "two steps at a start");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 4).to_vec()));
}

#[test]
fn an_older_disk_is_accepted_by_its_word_once_and_that_is_recorded() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    listen();
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let (old, backup) = (copy(&disk), copy(&disk));
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    drop((vtpm, rig));
    let OldStore::Older { sequence, says, .. } = refusal(&wire, &old, "tpm2") else { panic!() };
    let word = format!("tpm2 accept={sequence}/{says}");
    assert!(refusal(&wire, &old, "tpm2").to_string().contains(&word[5..]));
    let wrong = format!("tpm2 accept={}/{says}", sequence + 1);
    assert!(matches!(refusal(&wire, &old, &wrong), OldStore::Older { .. }), "another commit");
    let mut rig = start20(&wire, &old, &word);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    drop((vtpm, rig));
    assert!(matches!(refusal(&wire, &backup, &word), OldStore::Older { .. }), "not twice");
    assert!(matches!(refusal(&wire, &disk, &word), OldStore::Older { .. }), "nor the other one");
    drop(start20(&wire, &old, &word));
    // A second time, since no other test's store says 2.
    let older = copy(&old);
    drop(start20(&wire, &old, "tpm2"));
    let OldStore::Older { sequence, counter, says } = refusal(&wire, &older, "tpm2") else {
        panic!()
    };
    drop(start20(&wire, &older, &format!("tpm2 accept={sequence}/{says}")));
    let recorded =
        format!("2 times so far; last to commit {sequence}, whose counter was {counter}");
    assert!(said().contains(&recorded), "{recorded}");
}

#[test]
fn a_blank_disk_beside_our_counter_stops_until_that_store_is_given_up() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let first = disk();
    let mut rig = start20(&wire, &first, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    drop((vtpm, rig));
    let blank = disk();
    let why = refusal(&wire, &blank, "tpm2").to_string();
    let word = why.split_whitespace().find(|word| word.starts_with("forget=")).expect("a word");
    assert_eq!(blank.borrow().bytes(), disk().borrow().bytes(), "it is left alone");
    drop(start20(&wire, &blank, &format!("tpm2 {word}")));
    let again = refusal(&wire, &disk(), &format!("tpm2 {word}"));
    assert!(matches!(again, OldStore::Blank { .. }), "not twice: {again}");
    assert!(matches!(refusal(&wire, &first, "tpm2"), OldStore::Lost { .. }));
}

#[test]
fn a_counter_that_was_removed_or_made_anew_is_named() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let (disk, other) = (disk(), disk());
    drop(start20(&wire, &disk, "tpm2"));
    wire.borrow_mut().remove_counter();
    let why = refusal(&wire, &disk, "tpm2").to_string();
    assert!(why.contains("no counter 0x1807674 any more"), "{why}");
    drop(start20(&wire, &other, "tpm2"));
    let why = refusal(&wire, &disk, "tpm2").to_string();
    assert!(why.contains("is not this store's"), "{why}");
    let word = why.split_whitespace().find(|word| word.starts_with("accept=")).expect("a word");
    let backup = copy(&disk);
    drop(start20(&wire, &disk, &format!("tpm2 {word}")));
    drop(start20(&wire, &disk, "tpm2"));
    assert!(matches!(refusal(&wire, &other, "tpm2"), OldStore::Lost { .. }));
    let again = refusal(&wire, &backup, &format!("tpm2 {word}"));
    assert!(matches!(again, OldStore::Lost { .. }), "not twice: {again}");
    drop(start20(&wire, &disk, "tpm2"));
}

/// The word that goes without any counter is used up by the counter that it makes.
#[test]
fn a_store_whose_counter_is_gone_is_accepted_by_its_word_once() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    drop(start20(&wire, &disk, "tpm2"));
    let backup = copy(&disk);
    wire.borrow_mut().remove_counter();
    let why = refusal(&wire, &disk, "tpm2").to_string();
    let word = why.split_whitespace().find(|word| word.starts_with("accept=")).expect("a word");
    assert!(word.ends_with("/none"), "{why}");
    let line = format!("tpm2 {word}");
    let mut rig = start20(&wire, &disk, &line);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    drop((vtpm, rig));
    let again = refusal(&wire, &backup, &line);
    assert!(matches!(again, OldStore::Lost { .. }), "not twice: {again}");
    let mut rig = start20(&wire, &disk, &line);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
}

#[test]
fn a_save_whose_increment_failed_is_not_kept_for_anybody_until_it_is() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let worn = wire.borrow().increments;
    wire.borrow_mut().worn_after = Some(worn);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 9, "not kept");
    for request in [Request::Load, Request::Status, Request::Save(&body(1, 2))] {
        assert_eq!(vtpm.request(&mut rig, request).0, 9, "nor named, nor taken as known");
    }
    wire.borrow_mut().worn_after = None;
    rig.tick(Duration::from_secs(2));
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 2).to_vec()));
    assert_eq!(wire.borrow().increments, worn + 2, "two steps, as at a start");
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0, "the same again is no new save");
    drop((vtpm, rig));
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 2).to_vec()));
}

#[test]
fn an_increment_whose_answer_is_lost_is_found_out() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    wire.borrow_mut().loses_answers = true;
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 9);
    wire.borrow_mut().loses_answers = false;
    rig.tick(Duration::from_secs(2));
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    drop((vtpm, rig));
    drop(start20(&wire, &disk, "tpm2"));
}

/// The written store is copied by an interrupted save, the older one goes on, and then the copy is
/// put back: without the start's steps that would undo what was acknowledged in between.
#[test]
fn a_copy_made_by_an_interrupted_save_is_never_accepted_later() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let older = copy(&disk);
    let worn = wire.borrow().increments;
    wire.borrow_mut().worn_after = Some(worn);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 9, "the power goes before the increment");
    let written = copy(&disk);
    drop((vtpm, rig));
    wire.borrow_mut().worn_after = None;
    let mut rig = start20(&wire, &older, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 3), 0);
    drop((vtpm, rig));
    assert!(matches!(refusal(&wire, &written, "tpm2"), OldStore::Older { .. }));
}

#[test]
fn increments_that_come_too_fast_for_the_tpm_are_waited_for() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    wire.borrow_mut().rate_every = Some(2);
    let mut rig = start20(&wire, &disk(), "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    for number in 1..=6 {
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 0);
    }
}

#[test]
fn batched_saves_share_an_increment_and_only_the_last_window_can_be_put_back() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2 rollback=batched");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let before = wire.borrow().increments;
    let mut copies = Vec::new();
    for number in 1..=10 {
        assert_eq!(save(&mut rig, &mut vtpm, 1, number), 0);
        copies.push(copy(&disk));
    }
    assert_eq!(wire.borrow().increments, before, "none yet");
    rig.tick(Duration::from_secs(61));
    assert_eq!(wire.borrow().increments, before + 1, "one for ten saves");
    let closed = copy(&disk);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 11), 0);
    drop((vtpm, rig));
    for old in &copies {
        assert!(matches!(refusal(&wire, old, "tpm2"), OldStore::Older { .. }));
    }
    let mut rig = start20(&wire, &closed, "tpm2 rollback=batched");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let found = vtpm.request(&mut rig, Request::Load);
    assert_eq!(found, (0, body(1, 10).to_vec()), "the open window was put back, as documented");
}

#[test]
fn an_orderly_end_leaves_no_window() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2 rollback=batched");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let old = copy(&disk);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    rig.shutdown();
    drop((vtpm, rig));
    assert!(matches!(refusal(&wire, &old, "tpm2"), OldStore::Older { .. }));
}

#[test]
fn a_guest_that_saves_without_end_neither_exceeds_the_budget_nor_holds_up_another() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let mut rig = start20(&wire, &disk(), "tpm2 budget=40");
    let mut hostile = Vtpm::connect(&mut rig, 1);
    let mut quiet = Vtpm::connect(&mut rig, 2);
    let started = wire.borrow().increments;
    let (mut answered, mut number, mut waiting) = (0, 0, false);
    for round in 0..3000_u16 {
        if !waiting {
            number += 1;
            hostile.submit(&Request::Save(&body(1, number)).packet());
            waiting = true;
        }
        if round % 300 == 50 {
            let before = wire.borrow().increments;
            assert_eq!(save(&mut rig, &mut quiet, 2, round), 0, "in the same turn");
            assert!(wire.borrow().increments > before, "and strict, as its own share lasts");
        } else {
            rig.tick(Duration::from_millis(20));
        }
        if hostile.answer().is_some() {
            (answered, waiting) = (answered + 1, false);
        }
    }
    let caused = wire.borrow().increments - started;
    println!("{answered} saves of the hostile guest in 60 s, {caused} increments in all");
    assert!(caused <= 40, "{caused} increments within the budget of 40 a day");
    assert!(
        (300..=600).contains(&answered),
        "{answered}: it waits, alone, a tenth of a second each"
    );
}

#[test]
fn beyond_the_budget_saves_are_batched_and_closed_off_when_it_recovers() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let mut rig = start20(&wire, &disk, "tpm2 budget=5");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let mut number = 0;
    let mut last = wire.borrow().increments;
    loop {
        number += 1;
        vtpm.submit(&Request::Save(&body(1, number)).packet());
        rig.turn();
        rig.tick(Duration::from_secs(2));
        assert!(vtpm.answer().is_some());
        let now = wire.borrow().increments;
        if now == last {
            break;
        }
        last = now;
    }
    let old = copy(&disk);
    rig.tick(Duration::from_secs(86_400 / 5 + 1));
    assert_eq!(wire.borrow().increments, last + 1, "closed off without anybody asking");
    drop((vtpm, rig));
    assert!(matches!(refusal(&wire, &old, "tpm2"), OldStore::Older { .. }));
}

/// A store that was brought to another TPM counts there; what was copied before, and after, is older.
#[test]
fn recovery_to_another_tpm_makes_a_counter_there_and_refuses_old_copies_from_then_on() {
    let (Some((_a, first)), Some((_b, second))) =
        (Layer::fresh(Family::Tpm20), Layer::fresh(Family::Tpm20))
    else {
        return;
    };
    let disk = disk();
    let mut rig = start20(&first, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let mut dom0 = domain_0(&mut rig);
    let (status, key) =
        policy(&mut rig, &mut dom0, &PolicyCommand::NewRecoveryKey { replace: Force::No });
    assert_eq!((status, save(&mut rig, &mut vtpm, 1, 1)), (0, 0));
    rig.shutdown();
    drop((vtpm, dom0, rig));
    let recover = |disk: &Disk| {
        let mut rig = start20(&second, disk, "tpm2");
        assert!(rig.domain.locked().is_some());
        let mut dom0 = domain_0(&mut rig);
        let command = PolicyCommand::Recover { key: &key, force: Force::Yes };
        let (status, why) = policy(&mut rig, &mut dom0, &command);
        (rig, status, String::from_utf8_lossy(&why).into_owned())
    };
    let before = copy(&disk);
    let (mut rig, status, why) = recover(&disk);
    assert_eq!(status, 0, "{why}");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    let after = copy(&disk);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    rig.shutdown();
    drop((vtpm, rig));
    assert!(matches!(refusal(&second, &after, "tpm2"), OldStore::Older { .. }));
    let (_rig, status, why) = recover(&before);
    assert!(status != 0 && why.contains("docs/rollback.md"), "the copy from before: {why}");
    let mut rig = start20(&second, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 2).to_vec()));
}

/// A window that a worn TPM did not close.
struct Window {
    rig: Rig,
    vtpm: Vtpm,
    /// The manager's disk from before the window's last save.
    old: Disk,
    /// The increments that were carried out.
    worn: u32,
}

fn window_that_fails(wire: &Wire) -> Window {
    let disk = disk();
    let mut rig = start20(wire, &disk, "tpm2 rollback=batched");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 0);
    let old = copy(&disk);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    let worn = wire.borrow().increments;
    wire.borrow_mut().worn_after = Some(worn);
    rig.tick(Duration::from_secs(61));
    Window { rig, vtpm, old, worn }
}

/// The window's end fails and nobody asks for anything: the manager tries again by itself.
#[test]
fn a_window_whose_increment_failed_is_closed_off_without_anybody_asking() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let Window { mut rig, vtpm, old, worn } = window_that_fails(&wire);
    let now = rig.world.clock().now();
    let next = rig.domain.next_deadline(now).expect("it is to be tried again");
    assert!(next <= now + Duration::from_secs(1));
    wire.borrow_mut().worn_after = None;
    rig.tick(Duration::from_secs(2));
    assert_eq!(wire.borrow().increments, worn + 1);
    drop((vtpm, rig));
    assert!(matches!(refusal(&wire, &old, "tpm2"), OldStore::Older { .. }));
}

/// The same at an orderly end, which does not wait for the next try.
#[test]
fn an_orderly_end_tries_once_more_to_close_a_window_off() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let Window { mut rig, vtpm, old, .. } = window_that_fails(&wire);
    rig.tick(Duration::from_secs(1));
    wire.borrow_mut().worn_after = None;
    rig.shutdown();
    drop((vtpm, rig));
    assert!(matches!(refusal(&wire, &old, "tpm2"), OldStore::Older { .. }));
}

/// A TPM that counts and whose answers are lost, and a guest that asks again and again.
#[test]
fn a_tpm_whose_answers_are_lost_is_not_worn_out_by_trying() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let mut rig = start20(&wire, &disk(), "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    wire.borrow_mut().loses_answers = true;
    let before = wire.borrow().increments;
    for _ in 0..3600 {
        assert_eq!(save(&mut rig, &mut vtpm, 1, 1), 9);
        rig.tick(Duration::from_secs(1));
    }
    let caused = wire.borrow().increments - before;
    println!("{caused} increments in an hour");
    assert!((3..=14).contains(&caused), "{caused}");
}

/// A restart gives nothing of the budget back.
#[test]
fn a_budget_that_is_used_up_stays_so_over_a_restart() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    let line = "tpm2 budget=5";
    let mut rig = start20(&wire, &disk, line);
    let mut vtpms = [1, 2, 3].map(|number| Vtpm::connect(&mut rig, number));
    for number in 1..=3 {
        for (vtpm, of) in vtpms.iter_mut().zip(1..) {
            vtpm.submit(&Request::Save(&body(of, number)).packet());
            rig.turn();
            rig.tick(Duration::from_millis(200));
            assert!(vtpm.answer().is_some());
        }
    }
    drop((vtpms, rig));
    let mut rig = start20(&wire, &disk, line);
    let mut vtpm = Vtpm::connect(&mut rig, 4);
    let before = wire.borrow().increments;
    assert_eq!(save(&mut rig, &mut vtpm, 4, 1), 0);
    assert_eq!(wire.borrow().increments, before, "batched, although its share is untouched");
}
