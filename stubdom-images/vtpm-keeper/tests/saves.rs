//! When a save happens, and what stands between it and the answer.

mod support;

use core::time::Duration;
use domain_io::test_utils::Step;
use domain_io::{Clock, DomainId};
use support::{Counter, Host, Keeper, SharedDisk, VERSION, blank, value_of};
use tpm_wire::tpm12::TpmResult;
use vtpm_keeper::answer_limit;
use vtpm_keeper::test_utils::Fate;
use vtpm_service::{NotKept, Past, StateKeeper};

/// A vTPM past its first save, and its host.
fn running() -> (Host, SharedDisk, Keeper<SharedDisk>, Counter) {
    let (host, disk) = (Host::new(), blank());
    let (keeper, engine) = host.start(disk.clone()).unwrap();
    (host, disk, keeper, engine)
}

fn save(keeper: &mut Keeper<SharedDisk>, engine: &mut Counter, value: u32) -> Result<(), NotKept> {
    engine.set(value);
    keeper.keep(engine)
}

#[test]
fn a_save_is_one_flush_of_the_disk_and_then_one_request_to_the_manager() {
    let (host, disk, mut keeper, mut engine) = running();
    let (trace, before) = (disk.trace(), disk.trace().flushes());
    let asked = host.manager.memory.borrow().clone();
    for value in 1..=10 {
        save(&mut keeper, &mut engine, value).unwrap();
        assert_eq!(trace.steps().last(), Some(&Step::Flush));
    }
    let now = host.manager.memory.borrow();
    assert_eq!(trace.flushes() - before, 10);
    assert_eq!((now.saves - asked.saves, now.loads - asked.loads), (10, 0));
    assert_eq!((now.generation, keeper.generation()), (11, 11));
}

#[test]
fn nothing_is_written_and_nobody_asked_when_nothing_changed() {
    let (host, disk, mut keeper, mut engine) = running();
    host.link.go_down(Duration::from_secs(3600));
    let steps = disk.trace().len();
    for _ in 0..100 {
        keeper.keep(&mut engine).unwrap();
    }
    assert_eq!(disk.trace().len(), steps);
    assert_eq!(host.clock.now().as_secs(), 0, "nobody waited for the manager");
}

#[test]
fn a_new_guest_is_remembered_before_it_is_answered_and_a_dead_one_costs_no_write() {
    let (host, disk, mut keeper, mut engine) = running();
    let (five, six) = (DomainId(5), DomainId(6));
    let saves = || host.manager.memory.borrow().saves;
    let first = Past { living: vec![five], last: Some(five) };
    let before = saves();
    for _ in 0..3 {
        StateKeeper::<Counter>::remember(&mut keeper, &first);
        keeper.keep(&mut engine).unwrap();
    }
    assert_eq!(saves() - before, 1);
    let second = Past { living: vec![five, six], last: Some(six) };
    StateKeeper::<Counter>::remember(&mut keeper, &second);
    keeper.keep(&mut engine).unwrap();
    let alone = Past { living: vec![six], last: Some(six) };
    StateKeeper::<Counter>::remember(&mut keeper, &alone);
    keeper.keep(&mut engine).unwrap();
    assert_eq!(saves() - before, 2);
    drop(keeper);
    let image = host.open(disk.clone()).unwrap().image.unwrap();
    assert_eq!(image.guests, second);
}

#[test]
fn a_lost_answer_is_asked_for_and_the_slot_is_not_written_again() {
    for (fate, sent) in [(Fate::LostBefore, 2), (Fate::LostAfter, 1)] {
        let (host, disk, mut keeper, mut engine) = running();
        let before = (host.manager.memory.borrow().clone(), disk.trace().flushes());
        host.manager.memory.borrow_mut().fates.push_back(fate);
        save(&mut keeper, &mut engine, 7).unwrap();
        let now = host.manager.memory.borrow();
        assert_eq!(now.saves - before.0.saves, sent, "{fate:?}");
        assert_eq!(now.loads - before.0.loads, 1, "{fate:?}");
        assert_eq!(disk.trace().flushes() - before.1, 1, "{fate:?}");
        assert_eq!(now.generation, 2);
    }
}

#[test]
fn a_manager_that_fails_for_the_moment_is_asked_again_before_it_is_told_again() {
    let (host, disk, mut keeper, mut engine) = running();
    let flushes = disk.trace().flushes();
    host.manager.memory.borrow_mut().fates.extend([
        Fate::Refused(TpmResult::RETRY),
        Fate::Refused(TpmResult::FAIL),
        Fate::LostBefore,
        Fate::KeptAndRefused(TpmResult::FAIL),
    ]);
    save(&mut keeper, &mut engine, 7).unwrap();
    assert_eq!(disk.trace().flushes() - flushes, 1);
    assert_eq!(host.manager.memory.borrow().generation, 2);
    drop(keeper);
    assert_eq!(value_of(&host.open(disk.clone()).unwrap().image.unwrap().state), 7);
}

#[test]
fn a_manager_that_comes_back_within_the_limit_finds_the_save_repeated() {
    let (host, _, mut keeper, mut engine) = running();
    host.link.go_down(answer_limit(VERSION) - Duration::from_secs(1));
    save(&mut keeper, &mut engine, 7).unwrap();
    assert_eq!(host.manager.memory.borrow().generation, 2);
}

#[test]
fn after_the_limit_the_domain_stops_and_the_next_start_goes_on_from_what_was_kept() {
    let (host, disk, mut keeper, mut engine) = running();
    save(&mut keeper, &mut engine, 6).unwrap();
    let start = host.clock.now();
    host.link.go_down(Duration::from_secs(3600));
    let NotKept(why) = save(&mut keeper, &mut engine, 7).unwrap_err();
    assert!(why.contains("start the manager"), "{why}");
    assert_eq!(host.clock.now() - start, answer_limit(VERSION));
    drop(keeper);
    host.clock.advance(Duration::from_secs(3600));
    let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
    assert_eq!(engine.value, 6);
    save(&mut keeper, &mut engine, 8).unwrap();
}

#[test]
fn the_limit_is_shorter_than_any_driver_waits() {
    use vtpm_engine::TpmVersion::{Tpm12, Tpm20};
    assert!(answer_limit(Tpm20) < Duration::from_secs(120), "Linux, TPM 2.0 commands");
    assert!(answer_limit(Tpm12) < Duration::from_secs(120), "Linux, ordinals without a class");
    // What the documents say.
    let seconds = [Tpm20, Tpm12].map(|version| answer_limit(version).as_secs());
    assert_eq!(seconds, [100, 45]);
}

#[test]
fn another_manager_is_told_nothing() {
    // Another store, an older copy of the store, one that knows nothing.
    for change in 0..3 {
        let (host, _, mut keeper, mut engine) = running();
        let older = host.manager.memory.borrow().clone();
        save(&mut keeper, &mut engine, 6).unwrap();
        save(&mut keeper, &mut engine, 7).unwrap();
        host.link.go_down(Duration::from_secs(1));
        {
            let mut memory = host.manager.memory.borrow_mut();
            match change {
                0 => memory.store = [9; 16],
                1 => *memory = older,
                _ => memory.kept = None,
            }
        }
        let before = host.manager.memory.borrow().saves;
        let NotKept(why) = save(&mut keeper, &mut engine, 8).unwrap_err();
        assert!(why.contains("attach the right one"), "{why}");
        assert_eq!(host.manager.memory.borrow().saves, before);
    }
}

#[test]
fn a_refusal_for_good_stops_at_once() {
    for status in [TpmResult::NO_SPACE, TpmResult::DISABLED, TpmResult::AUTH_FAIL] {
        let (host, _, mut keeper, mut engine) = running();
        host.manager.memory.borrow_mut().fates.push_back(Fate::Refused(status));
        let start = host.clock.now();
        save(&mut keeper, &mut engine, 7).unwrap_err();
        assert!(host.clock.now() - start < Duration::from_secs(1), "{status}");
    }
}

#[test]
fn a_disk_that_fails_stops_before_the_manager_hears_of_anything() {
    let host = Host::new();
    let disk = blank();
    drop(host.start(disk.clone()).unwrap());
    let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
    disk.die_after(2);
    let saves = host.manager.memory.borrow().saves;
    engine.set(7);
    let NotKept(why) = keeper.keep(&mut engine).unwrap_err();
    assert!(why.contains("disk"), "{why}");
    assert_eq!(host.manager.memory.borrow().saves, saves);
}
