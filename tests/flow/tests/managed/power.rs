//! The power goes under the whole chain: a guest's page, engine, keeper, the page to the real manager,
//! and both disks at once.

use super::{define, read, write};
use domain_io::test_utils::{Trace, TracedDisk};
use flow_tests::{Death, Guest, Machine};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// NV writes in one life.
const WRITES: u64 = 20;

/// What is left of unflushed sectors on the two disks: all, none, or a random half of them.
const LEFT: [(usize, usize); 5] = [(0, 0), (1, 1), (2, 2), (0, 1), (1, 0)];

/// A place in the order of all steps of both disks.
#[derive(Clone, Copy)]
struct Place {
    /// How many steps the vTPM's disk and the manager's had done.
    steps: (usize, usize),
    /// The last value that the guest knows to be written, and the last that it wanted.
    acknowledged: Option<u64>,
    wanted: Option<u64>,
}

/// The steps of both disks in one order. One domain runs at a time, so between two steps of the
/// vTPM's disk stand those that the manager's did meanwhile.
struct Order {
    traces: (Trace, Trace),
    places: Vec<Place>,
}

impl Order {
    fn note(&mut self, change: impl FnOnce(&mut Place)) {
        let mut place = *self.places.last().expect("a first place");
        let now = (self.traces.0.len(), self.traces.1.len());
        while place.steps.1 < now.1 {
            place.steps.1 += 1;
            self.places.push(place);
        }
        while place.steps.0 < now.0 {
            place.steps.0 += 1;
            self.places.push(place);
        }
        change(&mut place);
        self.places.push(place);
    }
}

/// A guest's life, during which the manager dies every now and then.
struct Life {
    disk: TracedDisk,
    store: TracedDisk,
    places: Vec<Place>,
}

/// How the manager dies during the write of this number in this life.
fn death(life: u64, value: u64) -> Option<Death> {
    match (life + value) % 4 {
        1 => Some(Death::BeforeCommit),
        3 => Some(Death::AfterCommit),
        _ => None,
    }
}

fn live(life: u64, writes: u64) -> Life {
    let mut machine = Machine::default();
    let traces = (machine.disk().trace(), machine.store.borrow().trace());
    // The manager has made its store; without one there is nothing to start from.
    let begins = Place { steps: (0, traces.1.len()), acknowledged: None, wanted: None };
    let order = Rc::new(RefCell::new(Order { traces, places: vec![begins] }));
    let noted = Rc::clone(&order);
    machine.after_each_step(move || noted.borrow_mut().note(|_| ()));
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    for value in 1..=writes {
        order.borrow_mut().note(|place| place.wanted = Some(value));
        if let Some(death) = death(life, value) {
            machine.manager.borrow().dies(death);
        }
        write(&mut chain, &mut guest, value);
        order.borrow_mut().note(|place| place.acknowledged = Some(value));
    }
    guest.destroy(&mut chain);
    chain.stop();
    order.borrow_mut().note(|_| ());
    let places = order.borrow_mut().places.split_off(0);
    let store = machine.store.borrow().clone();
    Life { disk: machine.disk(), store, places }
}

/// What can be on a disk after a cut at each place, in the order of [`LEFT`]'s numbers.
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

/// Everything is started again after a cut: what the guest finds.
fn restart(disk: &TracedDisk, store: &TracedDisk, place: &Place) {
    let store = Rc::new(RefCell::new(store.clone()));
    let mut machine = Machine::real(disk.clone(), &store);
    let started = machine.start("tpm2");
    let mut chain = started.unwrap_or_else(|why| panic!("cut at {:?}: {why:?}", place.steps));
    let mut guest = Guest::boot(&mut chain, 1);
    let found = read(&mut chain, &mut guest);
    let possible = place.acknowledged <= found && found <= place.wanted;
    assert!(possible, "cut at {:?}: {found:?}", place.steps);
}

/// Cuts the power at every step of one life; how many cuts there were, after `before` others.
fn cut_everywhere(life: u64, writes: u64, before: usize) -> usize {
    let Life { disk, store, places } = live(life, writes);
    let (disks, stores) = (cuts(&disk, 5 + life), cuts(&store, 6 + life));
    let (began, mut done) = (Instant::now(), 0);
    for (place, (ours, theirs)) in places.iter().flat_map(|at| LEFT.map(|left| (at, left))) {
        let (vtpm, manager) = place.steps;
        restart(&disks[vtpm][ours], &stores[manager][theirs], place);
        done += 1;
        if (before + done).is_multiple_of(1000) {
            println!("{} cuts; this life's took {:.0?} so far", before + done, began.elapsed());
        }
    }
    done
}

#[test]
fn the_power_goes_under_both_disks_at_once_and_nothing_acknowledged_is_lost() {
    let cuts = cut_everywhere(0, 3, 0);
    assert!(cuts >= 1000, "only {cuts} cuts");
}

/// `./x powercut` says how many.
#[test]
#[ignore = "takes minutes: ./x powercut"]
fn the_power_goes_ten_thousand_times_and_nothing_acknowledged_is_lost() {
    let wanted = std::env::var("POWER_CUTS").map_or(10_000, |text| text.parse().expect("a number"));
    let (mut cuts, mut lives) = (0, 0);
    while cuts < wanted {
        cuts += cut_everywhere(lives, WRITES, cuts);
        lives += 1;
    }
    let deaths = |of| {
        (0..lives)
            .flat_map(|life| (1..=WRITES).map(move |at| death(life, at)))
            .filter(|found| *found == Some(of))
            .count()
    };
    println!(
        "covered: {cuts} cuts, at every write and flush of either disk in {lives} lives of a guest \
         with {WRITES} NV writes each, with {} choices of which unflushed sectors survive; in these \
         lives the manager was killed {} times before a commit and {} times between a commit and its \
         answer. After every cut everything started, and nothing acknowledged was lost.",
        LEFT.len(),
        deaths(Death::BeforeCommit),
        deaths(Death::AfterCommit),
    );
}
