//! The manager's store loses power at every write and flush.

mod support;

use domain_io::test_utils::{Cut, FakeEntropy, TracedDisk};
use std::collections::BTreeMap;
use support::{Choices, blank, create, fields, open, put, record, sealed, secret, uuid};
use vtpm_store::Uuid;
use vtpm_store::manager::{Change, Store, StoreError};

/// What a store must hold: its counter and the generation of each record.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    counter: u64,
    generations: BTreeMap<Uuid, u64>,
}

impl Model {
    fn of(store: &mut Store<TracedDisk>) -> Self {
        let records = store.list(None, usize::MAX).unwrap();
        for found in &records {
            assert_eq!(*found, *record(found.uuid, found.generation));
        }
        assert_eq!(store.records(), records.len() as u64);
        let generations = records.iter().map(|found| (found.uuid, found.generation)).collect();
        Self { counter: store.fields().counter, generations }
    }

    fn after(&self, changes: &[Change]) -> Self {
        let mut next = self.clone();
        next.counter += 1;
        for change in changes {
            match change {
                Change::Put(record) => next.generations.insert(record.uuid, record.generation),
                Change::Remove(uuid) => next.generations.remove(uuid),
            };
        }
        next
    }
}

/// Commits of every size: one save, the counter alone, groups, removals, new records.
fn changes(choices: &mut Choices, round: u64) -> Vec<Change> {
    let count = match round % 4 {
        0 => 0,
        3 => 12,
        _ => 1,
    };
    let one = |_| match choices.below(5) {
        0 => Change::Remove(uuid(choices.below(120))),
        _ => put(choices.below(120), round),
    };
    (0..count).map(one).collect()
}

/// A store in use, what it held after each commit, and where in the trace that was acknowledged.
struct Life {
    disk: TracedDisk,
    states: Vec<(usize, Model)>,
}

fn live(seed: u64, rounds: u64) -> Life {
    let mut choices = Choices(seed);
    let mut entropy = FakeEntropy::new(seed);
    let mut store = create(blank(512));
    let start: Vec<_> = (0..90).map(|number| put(number, 1)).collect();
    store.commit(&mut entropy, &start, fields(1)).unwrap();
    let disk = store.into_disk().restarted();
    let trace = disk.trace();
    let (mut store, _) = open(disk).unwrap();
    let mut states = vec![(0, Model::of(&mut store))];
    for round in 2..2 + rounds {
        let changes = changes(&mut choices, round);
        let next = states[states.len() - 1].1.after(&changes);
        store.commit(&mut entropy, &changes, fields(next.counter)).unwrap();
        states.push((trace.len(), next));
    }
    Life { disk: store.into_disk(), states }
}

impl Life {
    /// What may be found after a cut here: all that was acknowledged, or that and the commit on its
    /// way.
    fn allowed(&self, place: usize) -> &[(usize, Model)] {
        let acknowledged = self.states.iter().rposition(|(at, _)| *at <= place).unwrap();
        &self.states[acknowledged..self.states.len().min(acknowledged + 2)]
    }

    fn check(&self, place: usize, disk: TracedDisk) -> Store<TracedDisk> {
        let (mut store, _) = open(disk).unwrap_or_else(|why| panic!("cut at {place}: {why}"));
        let found = Model::of(&mut store);
        let fits = self.allowed(place).iter().any(|(_, model)| *model == found);
        assert!(fits, "cut at {place}: an acknowledged commit is lost or half a commit shows");
        store
    }
}

/// The disks that one cut can leave: nothing, everything, all but one, one alone, and by chance.
fn outcomes(cut: &Cut<'_>, choices: &mut Choices, by_chance: usize) -> Vec<TracedDisk> {
    let one = choices.place(cut.pending());
    let mut disks = vec![cut.disk(|_| true)];
    if cut.pending() > 0 {
        disks.extend([cut.disk(|_| false), cut.disk(|at| at != one), cut.disk(|at| at == one)]);
        disks.extend((0..by_chance).map(|_| cut.disk(|_| choices.below(2) == 0)));
    }
    disks
}

#[test]
fn ten_thousand_cuts_lose_nothing_that_was_acknowledged() {
    let mut cuts = 0;
    for seed in 1..=3 {
        let life = live(seed, 14);
        let mut choices = Choices(seed + 100);
        life.disk.each_cut(|cut| {
            for disk in outcomes(cut, &mut choices, 4) {
                life.check(cut.place, disk);
                cuts += 1;
            }
        });
    }
    assert!(cuts >= 10_000, "only {cuts} cuts");
}

#[test]
fn a_cut_store_goes_on_and_survives_the_next_cut() {
    let life = live(9, 8);
    let mut choices = Choices(17);
    let mut second_cuts = 0;
    life.disk.each_cut(|cut| {
        for disk in outcomes(cut, &mut choices, 0) {
            let mut store = life.check(cut.place, disk.restarted());
            if choices.below(20) != 0 {
                continue;
            }
            let before = Model::of(&mut store);
            let round = 500 + choices.below(4);
            let changes = changes(&mut choices, round);
            let after = before.after(&changes);
            let mut entropy = FakeEntropy::new(choices.next());
            store.commit(&mut entropy, &changes, fields(after.counter)).unwrap();
            let states = vec![(0, before), (store_end(&store), after)];
            let next = Life { disk: store.into_disk(), states };
            next.disk.each_cut(|cut| {
                for disk in outcomes(cut, &mut choices, 1) {
                    next.check(cut.place, disk);
                    second_cuts += 1;
                }
            });
        }
    });
    assert!(second_cuts >= 1000, "only {second_cuts} second cuts");
}

fn store_end(store: &Store<TracedDisk>) -> usize {
    store.disk().trace().len()
}

/// The manager's domain is killed, the host goes on with what it had not yet flushed, and loses
/// power later.
#[test]
fn a_killed_manager_builds_on_nothing_that_is_not_durable() {
    for steps in 1..40 {
        let life = live(5, 3);
        let mut disk = life.disk.restarted();
        disk.die_after(Some(1 + steps));
        let (mut store, _) = open(disk).unwrap();
        let before = Model::of(&mut store);
        let mut entropy = FakeEntropy::new(77 + steps as u64);
        let half = [put(3, 600)];
        let _ = store.commit(&mut entropy, &half, fields(before.counter + 1));
        let mut disk = store.into_disk();
        disk.die_after(None);
        let (mut store, _) = open(disk).unwrap();
        let reopened = Model::of(&mut store);
        let reopened_at = store_end(&store);
        let changes = [put(4, 601)];
        let after = reopened.after(&changes);
        store.commit(&mut entropy, &changes, fields(after.counter)).unwrap();
        let acknowledged = store_end(&store);
        let next = Life {
            disk: store.into_disk(),
            states: vec![(0, before), (reopened_at, reopened), (acknowledged, after)],
        };
        let mut choices = Choices(3);
        next.disk.each_cut(|cut| {
            for disk in outcomes(cut, &mut choices, 1) {
                next.check(cut.place, disk);
            }
        });
    }
}

#[test]
fn a_cut_while_a_store_is_created_leaves_nothing_in_the_way() {
    let disk = create(blank(512)).into_disk();
    let mut choices = Choices(5);
    disk.each_cut(|cut| {
        for disk in outcomes(cut, &mut choices, 6) {
            match open(disk.clone()) {
                Ok((store, _)) => assert_eq!((store.sequence(), store.records()), (1, 0)),
                Err(StoreError::Blank | StoreError::Unfinished) => {
                    let mut entropy = FakeEntropy::new(8);
                    let again = Store::create(disk, &mut entropy, &secret(), &sealed(), fields(1));
                    open(again.unwrap().into_disk()).unwrap();
                }
                Err(other) => panic!("cut at {}: {other}", cut.place),
            }
        }
    });
}

#[test]
fn a_cut_while_the_sealed_secret_is_replaced_leaves_the_old_or_the_new_one() {
    let disk = create(blank(512)).into_disk().restarted();
    let (mut store, _) = open(disk).unwrap();
    let newer = vtpm_store::manager::SealedSecret { kind: 9, blob: vec![3; 5000] };
    store.replace_sealed(&newer).unwrap();
    let mut choices = Choices(5);
    store.into_disk().each_cut(|cut| {
        for disk in outcomes(cut, &mut choices, 6) {
            let opening = vtpm_store::manager::Opening::read(disk).unwrap();
            let found = opening.sealed();
            assert!(*found == sealed() || *found == newer);
        }
    });
}

/// Whatever is cut and tried again, no key is ever used for a second text: every salt that was ever
/// written stands before one text only.
#[test]
fn no_salt_is_written_twice() {
    use domain_io::test_utils::Step;
    let life = live(21, 20);
    let mut seen = BTreeMap::new();
    for step in life.disk.trace().steps() {
        let Step::Write(sector, bytes) = step else { continue };
        let salt = match sector {
            48 | 56 => &bytes[64..96],
            tree if tree > 63 && tree % 8 == 0 => &bytes[..32],
            _ => continue,
        };
        assert_eq!(seen.insert(salt.to_vec(), sector), None);
    }
    assert!(seen.len() > 60);
}
