//! The power goes at every write and flush, with any choice of unflushed sectors lost, while the
//! manager's answers are lost too.

mod support;

use domain_io::test_utils::{Trace, TracedDisk};
use std::cell::RefCell;
use std::rc::Rc;
use support::{Host, SharedDisk, UUID, blank};
use vtpm_keeper::test_utils::{FakeManager, Fate, Memory};
use vtpm_keeper::{Opened, Stop};
use vtpm_service::StateKeeper;

const SAVES: u32 = 240;

/// What was true for a while, from this place in the disk's trace on.
#[derive(Clone)]
struct Moment {
    place: usize,
    /// What the manager remembers.
    manager: Memory,
    /// The last value whose save was acknowledged.
    acknowledged: Option<u32>,
    /// The last value that the engine wanted kept.
    wanted: u32,
}

/// Everything that happened, in order.
#[derive(Clone)]
struct Timeline(Rc<RefCell<Vec<Moment>>>);

impl Timeline {
    fn push(&self, trace: &Trace, change: impl FnOnce(&mut Moment)) {
        let mut moment = self.0.borrow().last().expect("a first moment").clone();
        moment.place = trace.len();
        change(&mut moment);
        self.0.borrow_mut().push(moment);
    }
}

/// A vTPM's life, with every other answer lost before or after the manager kept the save.
fn live() -> (TracedDisk, Vec<Moment>) {
    let (host, disk) = (Host::new(), blank());
    let trace = disk.trace();
    let first = Moment { place: 0, manager: Memory::default(), acknowledged: None, wanted: 0 };
    let timeline = Timeline(Rc::new(RefCell::new(vec![first])));
    let (noted, place) = (timeline.clone(), trace.clone());
    host.manager.after_each(move |memory| {
        noted.push(&place, |moment| {
            moment.manager = Memory { fates: Default::default(), ..memory.clone() };
        });
    });
    let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
    timeline.push(&trace, |moment| moment.acknowledged = Some(0));
    for value in 1..=SAVES {
        let fate = [Fate::Answered, Fate::LostBefore, Fate::Answered, Fate::LostAfter];
        host.manager.memory.borrow_mut().fates.push_back(fate[value as usize % 4]);
        timeline.push(&trace, |moment| moment.wanted = value);
        engine.set(value);
        keeper.keep(&mut engine).unwrap();
        timeline.push(&trace, |moment| moment.acknowledged = Some(value));
    }
    drop(keeper);
    (disk.traced(), timeline.0.take())
}

/// The moments at which the power can have gone at this place.
fn at_place(moments: &[Moment], place: usize) -> impl Iterator<Item = &Moment> {
    let ends = move |next: usize| moments.get(next).is_none_or(|next| next.place >= place);
    let here = move |(at, moment): &(usize, &Moment)| moment.place <= place && ends(at + 1);
    moments.iter().enumerate().filter(here).map(|(_, moment)| moment)
}

/// A start after the cut: what it must find, and that it can go on and be started again.
fn restart(disk: TracedDisk, moment: &Moment, place: usize) {
    let manager = FakeManager::new(moment.manager.clone());
    let (host, disk) = (Host::with(manager), SharedDisk::new(disk));
    let (mut keeper, mut engine) = match host.open(disk.clone()) {
        Ok(Opened { image: None, .. }) if moment.acknowledged.is_some() => {
            panic!("cut at {place}: a blank TPM over acknowledged state")
        }
        Ok(_) => host.start(disk.clone()).unwrap(),
        Err(stop) => panic!("cut at {place}: {stop}"),
    };
    let range = moment.acknowledged.unwrap_or(0)..=moment.wanted;
    assert!(range.contains(&engine.value), "cut at {place}: {} of {range:?}", engine.value);
    engine.set(1000);
    keeper.keep(&mut engine).unwrap();
    drop(keeper);
    assert_eq!(host.start(disk.clone()).unwrap().1.value, 1000, "cut at {place}");
}

#[test]
fn nothing_acknowledged_is_lost_at_any_cut_and_every_start_succeeds() {
    let (disk, moments) = live();
    let (mut cuts, mut random) = (0, 7_u64);
    disk.each_cut(|cut| {
        let mut choose = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 40) as usize
        };
        let one = choose() % cut.pending().max(1);
        let disks = [
            cut.disk(|_| true),
            cut.disk(|_| false),
            cut.disk(|at| at != one),
            cut.disk(|at| at == one),
            cut.disk(|_| choose() % 2 == 0),
        ];
        for moment in at_place(&moments, cut.place) {
            for disk in &disks {
                restart(disk.clone(), moment, cut.place);
                cuts += 1;
            }
        }
    });
    assert!(cuts >= 10_000, "only {cuts} cuts");
}

#[test]
fn a_power_cut_before_the_first_save_leaves_nothing_that_stops_a_new_start() {
    let host = Host::new();
    let disk = blank();
    let Ok(opened) = host.open(disk.clone()) else { panic!("a first start") };
    drop(opened);
    assert_eq!(host.manager.memory.borrow().record, Some(support::VERSION));
    assert_eq!(host.start(disk.clone()).unwrap().1.value, 0);
    let other = Host::new();
    assert_eq!(other.open(disk.clone()).err(), Some(Stop::UnknownUuid(UUID)));
}
