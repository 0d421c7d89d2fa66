//! Writing what waits.

use super::{CommitFault, Ledger, Outcome};
use crate::hardware::Hardware;
use crate::rollback::{OldStore, Plan, Who};
use crate::root::{Ground, RootKeeper};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{BlockDevice, BlockError, Entropy};
use vtpm_store::Uuid;
use vtpm_store::manager::{Change, StoreError};

/// Between two lines about saves that are not kept: of a full store a vTPM may ask for room again and again.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// Who takes part in a commit beside the store.
pub(crate) struct Witnesses<'a, K> {
    pub(crate) keeper: &'a mut K,
    pub(crate) hardware: Option<&'a mut Hardware>,
    pub(crate) entropy: &'a mut dyn Entropy,
    pub(crate) now: Duration,
    /// How many vTPMs are attached.
    pub(crate) vtpms: usize,
}

impl<K> Witnesses<'_, K> {
    /// The keeper, and what it works with.
    pub(super) fn parts(&mut self) -> (&mut K, Ground<'_>) {
        let ground = Ground { hardware: self.hardware.as_deref_mut(), entropy: &mut *self.entropy };
        (&mut *self.keeper, ground)
    }
}

/// Whether saves may wait for a better moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As the share of whoever asks says.
    AsPlanned,
    /// Everything now, and no save is left without a step: the manager ends.
    None,
}

impl<D: BlockDevice> Ledger<D> {
    /// Makes everything that waits durable, with one flush, or nothing yet.
    ///
    /// A change that the store cannot take does not hold up the others: they are written one by one
    /// then. After a failure nothing is known of any of them until somebody asks, and nobody is
    /// answered before the counter has been brought forward as at a start.
    pub(crate) fn commit<K: RootKeeper>(
        &mut self,
        mut with: Witnesses<'_, K>,
        patience: Patience,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if !self.is_anything_due(with.vtpms, with.now, patience) {
            return outcome;
        }
        self.truth_is_wanted = false;
        if let Err(fault) = self.settle_again(&mut with, patience) {
            self.forget(fault, &mut outcome);
            return outcome;
        }
        let uuids: Vec<Uuid> = self.pending.keys().copied().collect();
        let plan = match self.plan(&uuids, &with, patience) {
            Ok(Plan::Hold) => {
                outcome.waits = true;
                return outcome;
            }
            Ok(plan) => plan,
            Err(why) => {
                self.forget(CommitFault::Store(why), &mut outcome);
                return outcome;
            }
        };
        self.domain_0_waits = false;
        let changes: BTreeMap<Uuid, Change> = core::mem::take(&mut self.pending)
            .into_iter()
            .map(|(uuid, record)| (uuid, record.map_or(Change::Remove(uuid), Change::Put)))
            .collect();
        self.write_all(changes, plan, &mut with, &mut outcome);
        outcome
    }

    fn write_all<K: RootKeeper>(
        &mut self,
        changes: BTreeMap<Uuid, Change>,
        plan: Plan,
        with: &mut Witnesses<'_, K>,
        outcome: &mut Outcome,
    ) {
        let all: Vec<Change> = changes.values().cloned().collect();
        match self.write(&all, plan, with, outcome) {
            Ok(()) => {}
            Err(CommitFault::Store(why)) if changes.len() > 1 && is_ones_own(&why) => {
                self.write_apart(changes, plan, with, outcome);
            }
            Err(fault) => {
                self.complain(&fault, with.now);
                if changes.is_empty() {
                    outcome.everyone = Some(fault.clone());
                }
                outcome.failed = changes.into_keys().map(|uuid| (uuid, fault.clone())).collect();
            }
        }
    }

    /// Each change by itself, then one step for all of them.
    fn write_apart<K: RootKeeper>(
        &mut self,
        changes: BTreeMap<Uuid, Change>,
        plan: Plan,
        with: &mut Witnesses<'_, K>,
        outcome: &mut Outcome,
    ) {
        let before = outcome.kept;
        for (uuid, change) in changes {
            if let Err(fault) = self.write(&[change], Plan::Open, with, outcome) {
                outcome.failed.insert(uuid, fault);
            }
        }
        // Nothing that the store did not take costs an increment.
        if plan == Plan::Step
            && outcome.kept > before
            && let Err(fault) = self.write(&[], plan, with, outcome)
        {
            self.complain(&fault, with.now);
            outcome.everyone = Some(fault);
        }
    }

    /// The order that refusing old state rests on: the store with the counter's next value, flushed;
    /// then the counter; then the answers.
    fn write<K: RootKeeper>(
        &mut self,
        changes: &[Change],
        plan: Plan,
        with: &mut Witnesses<'_, K>,
        outcome: &mut Outcome,
    ) -> Result<(), CommitFault> {
        self.write_once(changes, plan, with)?;
        outcome.commits += 1;
        outcome.kept += changes.len();
        let uuids: Vec<Uuid> = changes.iter().map(uuid_of).collect();
        self.guard.kept(plan, &Who { uuids: &uuids, domain_0: false, vtpms: with.vtpms }, with.now);
        Ok(())
    }

    /// One commit and, when it is a step, the increment. After a failure the counter counts as
    /// unknown.
    pub(super) fn write_once<K: RootKeeper>(
        &mut self,
        changes: &[Change],
        plan: Plan,
        with: &mut Witnesses<'_, K>,
    ) -> Result<(), CommitFault> {
        let stored = self.store().map_err(CommitFault::Store)?.fields();
        let fields = self.guard.fields(stored, plan, with.now);
        let committed = self.store().and_then(|store| store.commit(with.entropy, changes, fields));
        // The page of a failing sector is no reason to begin anew, and with the same page.
        let is_page = committed == Err(StoreError::Disk(BlockError::Failed))
            && self.store.as_ref().is_some_and(|store| !store.must_reopen());
        if matches!(committed, Err(StoreError::Disk(_) | StoreError::MustReopen)) && !is_page {
            // What the disk holds is unknown now, and with it which counters are on it.
            self.store = None;
            self.guard.unsettle(with.now);
        }
        committed.map_err(CommitFault::Store)?;
        if plan == Plan::Step {
            self.advance(fields.counter, with).inspect_err(|_| self.guard.unsettle(with.now))?;
        }
        Ok(())
    }

    fn advance<K: RootKeeper>(
        &mut self,
        expected: u64,
        with: &mut Witnesses<'_, K>,
    ) -> Result<(), CommitFault> {
        let (keeper, ground) = with.parts();
        let says = keeper.advance(ground)?;
        if says == expected {
            return Ok(());
        }
        Err(CommitFault::Old(OldStore::Jumped { expected, says }))
    }

    fn complain(&mut self, fault: &CommitFault, now: Duration) {
        if self.complained.is_none_or(|last| now >= last.saturating_add(COMPLAINTS)) {
            self.complained = Some(now);
            log::error!("saves were not kept: {fault}");
        }
    }

    /// Nothing that waited is known to be kept.
    fn forget(&mut self, fault: CommitFault, outcome: &mut Outcome) {
        self.pending.clear();
        outcome.everyone = Some(fault);
    }
}

const fn uuid_of(change: &Change) -> Uuid {
    match change {
        Change::Put(record) => record.uuid,
        Change::Remove(uuid) => *uuid,
    }
}

/// Whether an error comes from one change and the others may succeed without it.
const fn is_ones_own(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Full | StoreError::TooMany | StoreError::RecordTooLong | StoreError::Damaged(_)
    )
}
