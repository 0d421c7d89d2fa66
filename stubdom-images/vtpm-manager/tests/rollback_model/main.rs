//! An attacker who cuts the power at any step and puts any earlier copy of the manager's disk, of
//! the vTPM's disk, or a mix of both back: no vTPM is ever served a state in which a save that was
//! acknowledged is undone. Exhaustive up to the depth, over the real store and state disk.

mod cuts;
mod machine;

use machine::{Disk, FIRST_VALUE, Life, Nv, Power, SECRET, open_vtpm};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use vtpm_store::manager::{Accept, LastCommit, Opening};
use vtpm_store::state_disk::LEAST_SECTORS;
use vtpm_store::{HashKey, Secret};

/// How many lives of the machine one after the other.
const DEPTH: u32 = 6;
/// Saves in each life.
const SAVES: u32 = 2;
const MANAGER_BYTES: usize = 256 << 10;

/// Number of a save; 0 is none.
type Save = u32;

/// What the search knows about all saves: which one each was made from, and their hashes.
#[derive(Default)]
struct History {
    parent: BTreeMap<Save, Save>,
    by_hash: BTreeMap<Vec<u8>, Save>,
    next: Save,
}

impl History {
    /// Whether `state` was made from `save`, or is it.
    fn includes(&self, mut state: Save, save: Save) -> bool {
        while state != save {
            match self.parent.get(&state) {
                Some(parent) => state = *parent,
                None => return false,
            }
        }
        true
    }

    fn of(&self, kept: Option<&HashKey>) -> Save {
        kept.map_or(0, |kept| self.by_hash[kept.to_wire()])
    }
}

/// A machine that is off, and everything an attacker has copied.
#[derive(Clone)]
struct State {
    nv: Nv,
    /// The last save that was acknowledged.
    acknowledged: Save,
    /// Copies of the manager's disk that the counter does not refuse.
    managers: Vec<Vec<u8>>,
    /// Copies of the vTPM's disk.
    vtpms: Vec<Vec<u8>>,
    depth: u32,
}

/// How a copy of the manager's disk looks from where the counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    /// By how much its counter is above the hardware's.
    ahead: u64,
    /// It lacks something that was acknowledged.
    undoes: bool,
    /// It has something that was not.
    goes_beyond: bool,
    /// Its last commit is cut short, or one of its roots is.
    torn: bool,
}

struct Search {
    line: &'static str,
    /// The counter forgets its last increment when the power goes, which no TPM does.
    forgets: bool,
    history: History,
    seen: BTreeSet<BTreeSet<Look>>,
    lives: u32,
    mixes: u32,
    undone: Option<String>,
}

/// How one life ended.
struct End {
    nv: Nv,
    manager: [Vec<u8>; 2],
    vtpm: [Vec<u8>; 2],
    acknowledged: Option<Save>,
    steps: u32,
}

impl Search {
    fn new(line: &'static str, forgets: bool) -> Self {
        Self {
            line,
            forgets,
            history: History { next: 1, ..History::default() },
            seen: BTreeSet::new(),
            lives: 0,
            mixes: 0,
            undone: None,
        }
    }

    fn run(&mut self) {
        let vtpm_bytes = usize::try_from(LEAST_SECTORS * 512).expect("a small disk");
        let blank = State {
            nv: Nv(None),
            acknowledged: 0,
            managers: vec![vec![0; MANAGER_BYTES]],
            vtpms: vec![vec![0; vtpm_bytes]],
            depth: 0,
        };
        let first = self.life(&blank, 0, 0, None);
        self.history.next += SAVES;
        let state = State {
            nv: first.nv,
            acknowledged: first.acknowledged.expect("the first saves are kept"),
            managers: vec![first.manager[1].clone()],
            vtpms: vec![first.vtpm[1].clone()],
            depth: 1,
        };
        let mut open = VecDeque::from([state]);
        while let Some(state) = open.pop_front() {
            if self.undone.is_some() || !self.is_new(&state) || state.depth >= DEPTH {
                continue;
            }
            for manager in 0..state.managers.len() {
                let vtpm = self.fitting(&state, manager);
                open.extend(self.after(&state, manager, vtpm));
            }
        }
    }

    /// Every state of the machine after one more life from these two disks, cut at each step.
    fn after(&mut self, state: &State, manager: usize, vtpm: usize) -> Vec<State> {
        let whole = self.life(state, manager, vtpm, None);
        let mut copied = (state.managers.clone(), state.vtpms.clone());
        let mut found = Vec::new();
        for cut in 0..=whole.steps {
            let end = self.life(state, manager, vtpm, Some(cut));
            let nv =
                if self.forgets { Nv(end.nv.0.map(|v| v - 1).max(state.nv.0)) } else { end.nv };
            let acknowledged = end.acknowledged.unwrap_or(state.acknowledged);
            // Whatever was on the disks at an earlier step may have been copied on the way.
            copied.0.extend(end.manager);
            copied.1.extend(end.vtpm);
            let mut next = State {
                nv,
                acknowledged,
                managers: copied.0.clone(),
                vtpms: copied.1.clone(),
                depth: state.depth + 1,
            };
            self.judge(&mut next);
            copied = (next.managers.clone(), next.vtpms.clone());
            found.push(next);
        }
        self.history.next += SAVES;
        found
    }

    /// Offers every copy to the counter: what is served must hold all that was acknowledged. Keeps
    /// one copy of each look; those that are refused stay refused, as the counter only goes on.
    fn judge(&mut self, state: &mut State) {
        let mut looks = BTreeMap::new();
        for copy in std::mem::take(&mut state.managers) {
            let Some((look, kept)) = self.look(&copy, state) else { continue };
            if look.undoes && self.undone.is_none() {
                self.undone = Some(format!("{look:?} at depth {}", state.depth));
            }
            if let Entry::Vacant(free) = looks.entry(look) {
                free.insert(copy);
                self.judge_mix(&kept, state);
            }
        }
        state.managers = looks.into_values().collect();
        state.vtpms.sort();
        state.vtpms.dedup();
    }

    /// A vTPM's disk that is served beside this manager holds what the manager kept last.
    fn judge_mix(&mut self, kept: &Option<HashKey>, state: &State) {
        let Some(kept) = kept else { return };
        for copy in &state.vtpms {
            self.mixes += 1;
            let disk = Disk::new(copy, &Power::until(None));
            if let Some((_, save)) = open_vtpm(disk, Some(kept)) {
                assert_eq!(save, self.history.of(Some(kept)), "another state is served");
            }
        }
    }

    fn look(&mut self, copy: &[u8], state: &State) -> Option<(Look, Option<HashKey>)> {
        let power = Power::until(None);
        let disk = Disk::new(copy, &power);
        let opening = Opening::read(disk.clone()).ok()?;
        let (store, notes) = opening.unlock(&Secret::new(SECRET), Accept::WholeStore).ok()?;
        let (counter, torn) = (store.fields().counter, notes.last_commit != LastCommit::Whole);
        let (life, _) = Life::begin(&disk, state.nv, &power, self.line);
        let kept = life.ok()?.kept().expect("it can be asked");
        let save = self.history.of(kept.as_ref());
        let undoes = !self.history.includes(save, state.acknowledged);
        let goes_beyond = save != state.acknowledged;
        let ahead = counter.saturating_sub(state.nv.0.unwrap_or(FIRST_VALUE));
        Some((Look { ahead, undoes, goes_beyond, torn }, kept))
    }

    fn is_new(&mut self, state: &State) -> bool {
        let looks: Vec<_> =
            state.managers.iter().filter_map(|copy| self.look(copy, state)).collect();
        self.seen.insert(looks.into_iter().map(|(look, _)| look).collect())
    }

    /// The copy of the vTPM's disk that goes with this copy of the manager's, if there is one.
    fn fitting(&mut self, state: &State, manager: usize) -> usize {
        let kept = self.look(&state.managers[manager], state).and_then(|(_, kept)| kept);
        let fits = |copy: &Vec<u8>| {
            let disk = Disk::new(copy, &Power::until(None));
            open_vtpm(disk, kept.as_ref()).is_some()
        };
        state.vtpms.iter().position(fits).unwrap_or(0)
    }

    /// One life: the manager starts, the vTPM loads and saves, and the power goes. Lives that differ
    /// only in when it goes are the same up to there, byte by byte.
    fn life(&mut self, state: &State, manager: usize, vtpm: usize, cut: Option<u32>) -> End {
        self.lives += 1;
        let power = Power::until(cut);
        let disks =
            (Disk::new(&state.managers[manager], &power), Disk::new(&state.vtpms[vtpm], &power));
        let (life, nv) = Life::begin(&disks.0, state.nv, &power, self.line);
        let mut acknowledged = None;
        if let Ok(mut life) = life
            && let Ok(kept) = life.kept()
            && let Some((mut store, _)) = open_vtpm(disks.1.clone(), kept.as_ref())
        {
            let mut at = self.history.of(kept.as_ref());
            // What is served counts as acknowledged: somebody has seen it.
            acknowledged = (at != 0).then_some(at);
            for save in self.history.next..self.history.next + SAVES {
                let key = Secret::new([5; 32]);
                let mut entropy = domain_io::test_utils::FakeEntropy::new(u64::from(save));
                let Ok(hash_key) = store.save(&mut entropy, &key, &save.to_le_bytes()) else {
                    break;
                };
                self.history.parent.insert(save, at);
                self.history.by_hash.insert(hash_key.to_wire().to_vec(), save);
                if !life.save(&hash_key) || store.confirm().is_err() {
                    break;
                }
                (at, acknowledged) = (save, Some(save));
            }
        }
        let (manager, vtpm) = disks;
        End {
            nv: nv.get(),
            manager: [manager.after_cut(false), manager.after_cut(true)],
            vtpm: [vtpm.after_cut(false), vtpm.after_cut(true)],
            acknowledged,
            steps: power.taken(),
        }
    }
}

#[test]
fn no_copy_put_back_at_any_step_undoes_what_was_acknowledged() {
    let mut search = Search::new("tpm2 rollback=strict budget=86400", false);
    search.run();
    println!(
        "{} lives, {} looks of the machine, {} mixes of two disks",
        search.lives,
        search.seen.len(),
        search.mixes
    );
    assert_eq!(search.undone, None);
    assert!(search.lives > 500 && search.mixes > 3000 && search.seen.len() > 5);
}

#[test]
fn the_search_finds_the_undo_that_a_counter_which_forgets_allows() {
    let mut search = Search::new("tpm2 rollback=strict budget=86400", true);
    search.run();
    assert!(search.undone.is_some());
}

#[test]
fn the_search_finds_what_batched_mode_allows() {
    let mut search = Search::new("tpm2 rollback=batched", false);
    search.run();
    assert!(search.undone.is_some());
}
