//! With the real manager: both disks, both ends of the page, everything but the hardware.

use super::{define, read, write};
use domain_io::test_utils::{Trace, TracedDisk};
use flow_tests::{Death, Guest, Machine, StoreDisk};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

fn blank(mebibytes: usize) -> TracedDisk {
    TracedDisk::new(vec![0; mebibytes << 20])
}

fn store() -> StoreDisk {
    Rc::new(RefCell::new(blank(4)))
}

#[test]
fn what_a_guest_wrote_is_there_after_everything_was_started_again() {
    let (store, mut disk) = (store(), blank(2));
    for boot in 0..4 {
        let mut machine = Machine::real(disk, &store);
        let mut chain = machine.start("tpm2").unwrap();
        let mut guest = Guest::boot(&mut chain, 1);
        if boot == 0 {
            define(&mut chain, &mut guest);
        } else {
            assert_eq!(read(&mut chain, &mut guest), Some(boot));
        }
        write(&mut chain, &mut guest, boot + 1);
        if boot % 2 == 0 {
            guest.destroy(&mut chain);
            chain.stop();
        } else {
            chain.kill();
        }
        disk = machine.disk().restarted();
    }
}

#[test]
fn a_manager_killed_and_started_under_a_running_guest_is_the_same_to_it() {
    let store = store();
    let mut machine = Machine::real(blank(2), &store);
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    for value in 0..5 {
        machine.manager.borrow_mut().kill();
        write(&mut chain, &mut guest, value);
        chain.run(Duration::from_secs(3));
    }
    machine.manager.borrow_mut().kill();
    machine.manager.borrow_mut().replace_store(self::store());
    let packet = flow_tests::packets::nv::write(super::INDEX, &[9; 8]);
    assert!(guest.driver.send(&packet));
    let why = (0..2).find_map(|_| chain.try_turn().err()).expect("another manager is refused");
    assert!(why.to_string().contains("attach the right one"), "{why}");
}

/// One instant in the order of all steps of both disks.
#[derive(Clone, Copy)]
struct Instant {
    /// How many steps the vTPM's disk and the manager's had done.
    places: (usize, usize),
    acknowledged: Option<u64>,
    wanted: Option<u64>,
}

/// The steps of both disks in one order. One domain runs at a time, so between two steps of the
/// vTPM's disk stand those that the manager's did meanwhile.
struct Order {
    traces: (Trace, Trace),
    instants: Vec<Instant>,
}

impl Order {
    fn note(&mut self, change: impl FnOnce(&mut Instant)) {
        let mut instant = *self.instants.last().expect("a first instant");
        let now = (self.traces.0.len(), self.traces.1.len());
        while instant.places.1 < now.1 {
            instant.places.1 += 1;
            self.instants.push(instant);
        }
        while instant.places.0 < now.0 {
            instant.places.0 += 1;
            self.instants.push(instant);
        }
        change(&mut instant);
        self.instants.push(instant);
    }
}

/// A guest's life; both disks with their traces, and every instant of it.
fn live(writes: u64) -> (TracedDisk, TracedDisk, Vec<Instant>) {
    let store = store();
    let mut machine = Machine::real(blank(2), &store);
    let traces = (machine.disk().trace(), store.borrow().trace());
    // The manager has made its store; without one there is nothing to start from.
    let begins = Instant { places: (0, traces.1.len()), acknowledged: None, wanted: None };
    let order = Rc::new(RefCell::new(Order { traces, instants: vec![begins] }));
    let noted = Rc::clone(&order);
    machine.after_each_step(move || noted.borrow_mut().note(|_| ()));
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    for value in 1..=writes {
        order.borrow_mut().note(|instant| instant.wanted = Some(value));
        // Every other time the manager dies as well, before its commit or between it and its answer.
        let deaths = [None, Some(Death::BeforeCommit), None, Some(Death::AfterCommit)];
        if let Some(death) = deaths[(value % 4) as usize] {
            machine.manager.borrow().dies(death);
        }
        write(&mut chain, &mut guest, value);
        order.borrow_mut().note(|instant| instant.acknowledged = Some(value));
    }
    guest.destroy(&mut chain);
    chain.stop();
    order.borrow_mut().note(|_| ());
    let instants = order.borrow_mut().instants.split_off(0);
    let store = store.borrow().clone();
    (machine.disk(), store, instants)
}

/// What can be on a disk after a cut at each place.
fn cuts(disk: &TracedDisk, mut random: u64) -> Vec<[TracedDisk; 3]> {
    let mut cuts = Vec::new();
    disk.each_cut(|cut| {
        let mut choose = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 40).is_multiple_of(2)
        };
        cuts.push([cut.disk(|_| true), cut.disk(|_| false), cut.disk(|_| choose())]);
    });
    cuts
}

/// Starts everything again after each cut of both disks; how many cuts there were.
fn cut_everywhere(writes: u64) -> usize {
    let (disk, store, instants) = live(writes);
    let (disks, stores) = (cuts(&disk, 5), cuts(&store, 6));
    let pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 0)];
    for (instant, (ours, theirs)) in instants.iter().flat_map(|i| pairs.map(|pair| (i, pair))) {
        let (vtpm, manager) = instant.places;
        let store = Rc::new(RefCell::new(stores[manager][theirs].clone()));
        let mut machine = Machine::real(disks[vtpm][ours].clone(), &store);
        let mut chain = machine
            .start("tpm2")
            .unwrap_or_else(|why| panic!("cut at {vtpm} and {manager}: {why:?}"));
        let mut guest = Guest::boot(&mut chain, 1);
        let found = read(&mut chain, &mut guest);
        let possible = instant.acknowledged <= found && found <= instant.wanted;
        assert!(possible, "cut at {vtpm} and {manager}: {found:?}");
    }
    println!("{} cuts", instants.len() * pairs.len());
    instants.len() * pairs.len()
}

#[test]
fn the_power_goes_under_both_disks_at_once_and_nothing_acknowledged_is_lost() {
    assert!(cut_everywhere(4) >= 1000);
}

#[test]
#[ignore = "takes a minute; cargo test -p flow-tests --test managed -- --ignored"]
fn the_power_goes_ten_thousand_times_and_nothing_acknowledged_is_lost() {
    assert!(cut_everywhere(60) >= 10_000);
}
