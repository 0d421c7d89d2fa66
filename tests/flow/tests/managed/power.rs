//! The power goes under the whole chain: engine, keeper, page to the manager, disk.

use super::{define, read, write};
use domain_io::test_utils::{Trace, TracedDisk};
use flow_tests::{Guest, Machine};
use std::cell::RefCell;
use std::rc::Rc;
use vtpm_keeper::test_utils::{FakeManager, Fate, Memory};

const WRITES: u64 = 12;

/// What was true for a while, from this place in the disk's trace on.
#[derive(Clone, Default)]
struct Moment {
    place: usize,
    manager: Memory,
    /// The last value that the guest knows to be written, and the last it wanted.
    acknowledged: Option<u64>,
    wanted: Option<u64>,
}

#[derive(Clone)]
struct Timeline(Rc<RefCell<Vec<Moment>>>);

impl Timeline {
    fn push(&self, trace: &Trace, change: impl FnOnce(&mut Moment)) {
        let mut moment = self.0.borrow().last().cloned().unwrap_or_default();
        moment.place = trace.len();
        change(&mut moment);
        self.0.borrow_mut().push(moment);
    }
}

/// A guest's life: some writes, with answers of the manager lost in between, and its orderly end.
fn live() -> (TracedDisk, Vec<Moment>) {
    let mut machine = Machine::default();
    let trace = machine.disk().trace();
    let timeline = Timeline(Rc::new(RefCell::new(vec![Moment::default()])));
    let (noted, place) = (timeline.clone(), trace.clone());
    machine.fake.after_each(move |memory| {
        noted.push(&place, |moment| {
            moment.manager = Memory { fates: Default::default(), ..memory.clone() };
        });
    });
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    for value in 1..=WRITES {
        let fate = [Fate::Answered, Fate::LostBefore, Fate::LostAfter];
        machine.fake.memory.borrow_mut().fates.push_back(fate[(value % 3) as usize]);
        timeline.push(&trace, |moment| moment.wanted = Some(value));
        write(&mut chain, &mut guest, value);
        timeline.push(&trace, |moment| moment.acknowledged = Some(value));
    }
    guest.destroy(&mut chain);
    chain.stop();
    (machine.disk(), timeline.0.take())
}

/// The moments at which the power can have gone at this place.
fn at_place(moments: &[Moment], place: usize) -> impl Iterator<Item = &Moment> {
    let ends = move |next: usize| moments.get(next).is_none_or(|next| next.place >= place);
    let here = move |(at, moment): &(usize, &Moment)| moment.place <= place && ends(at + 1);
    moments.iter().enumerate().filter(here).map(|(_, moment)| moment)
}

fn restart(disk: TracedDisk, moment: &Moment, place: usize) {
    let mut machine = Machine::with(disk, FakeManager::new(moment.manager.clone()));
    let mut chain = machine.start("tpm2").unwrap_or_else(|why| panic!("cut at {place}: {why:?}"));
    let mut guest = Guest::boot(&mut chain, 1);
    let found = read(&mut chain, &mut guest);
    let possible = moment.acknowledged <= found && found <= moment.wanted;
    let (at_least, at_most) = (moment.acknowledged, moment.wanted);
    assert!(possible, "cut at {place}: {at_least:?} <= {found:?} <= {at_most:?}");
}

#[test]
fn what_the_guest_was_told_is_kept_is_there_after_any_cut() {
    let (disk, moments) = live();
    let (mut cuts, mut random) = (0, 3_u64);
    disk.each_cut(|cut| {
        let mut choose = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 40) % 2 == 0
        };
        let disks = [cut.disk(|_| true), cut.disk(|_| false), cut.disk(|_| choose())];
        for moment in at_place(&moments, cut.place) {
            for disk in &disks {
                restart(disk.clone(), moment, cut.place);
                cuts += 1;
            }
        }
    });
    println!("{cuts} cuts");
    assert!(cuts >= 300, "only {cuts} cuts");
}
