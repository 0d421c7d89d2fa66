//! Writing what waits.

use super::{CommitFault, Ledger, Outcome};
use crate::hardware::Hardware;
use crate::root::{Ground, RootKeeper};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use domain_io::{BlockDevice, Entropy};
use vtpm_store::Uuid;
use vtpm_store::manager::{Change, StoreError};

/// Who takes part in a commit beside the store.
pub(crate) struct Witnesses<'a, K> {
    pub(crate) keeper: &'a mut K,
    pub(crate) hardware: Option<&'a mut Hardware>,
    pub(crate) entropy: &'a mut dyn Entropy,
}

impl<D: BlockDevice> Ledger<D> {
    /// Makes everything that waits durable, with one flush.
    ///
    /// A change that the store cannot take does not hold up the others: they are written one by one
    /// then. After a failure of the disk nothing is known of any of them until somebody asks.
    pub(crate) fn commit<K: RootKeeper>(&mut self, mut with: Witnesses<'_, K>) -> Outcome {
        let pending = core::mem::take(&mut self.pending);
        let mut outcome = Outcome::default();
        if pending.is_empty() {
            return outcome;
        }
        let changes: BTreeMap<Uuid, Change> = pending
            .into_iter()
            .map(|(uuid, record)| (uuid, record.map_or(Change::Remove(uuid), Change::Put)))
            .collect();
        let all: Vec<Change> = changes.values().cloned().collect();
        match self.write(&all, &mut with, &mut outcome) {
            Ok(()) => {}
            Err(CommitFault::Store(why)) if changes.len() > 1 && is_ones_own(&why) => {
                for (uuid, change) in changes {
                    if let Err(fault) = self.write(&[change], &mut with, &mut outcome) {
                        outcome.failed.insert(uuid, fault);
                    }
                }
            }
            Err(fault) => {
                log::error!("saves were not kept: {fault}");
                outcome.failed = changes.into_keys().map(|uuid| (uuid, fault.clone())).collect();
            }
        }
        outcome
    }

    /// The order that refusing old state rests on: the store with the counter's next value, flushed;
    /// then the counter; then the answers.
    fn write<K: RootKeeper>(
        &mut self,
        changes: &[Change],
        with: &mut Witnesses<'_, K>,
        outcome: &mut Outcome,
    ) -> Result<(), CommitFault> {
        let store = self.store().map_err(CommitFault::Store)?;
        let fields = with.keeper.before_commit(store.fields());
        let committed = store.commit(with.entropy, changes, fields);
        if matches!(committed, Err(StoreError::Disk(_) | StoreError::MustReopen)) {
            // What the disk holds is unknown now.
            self.store = None;
        }
        committed.map_err(CommitFault::Store)?;
        outcome.commits += 1;
        let ground = Ground { hardware: with.hardware.as_deref_mut(), entropy: &mut *with.entropy };
        with.keeper.after_commit(ground, &fields).map_err(CommitFault::Root)?;
        outcome.kept += changes.len();
        Ok(())
    }
}

/// Whether an error comes from one change and the others may succeed without it.
const fn is_ones_own(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Full | StoreError::TooMany | StoreError::RecordTooLong | StoreError::Damaged(_)
    )
}
