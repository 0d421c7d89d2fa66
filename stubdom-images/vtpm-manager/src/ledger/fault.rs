//! What became of a commit.

use crate::rollback::OldStore;
use crate::root::{CounterFault, RootError};
use alloc::collections::BTreeMap;
use core::fmt;
use tpm_wire::tpm12::TpmResult;
use vtpm_store::Uuid;
use vtpm_store::manager::StoreError;

/// Why a change is not known to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitFault {
    /// The store did not take it.
    Store(StoreError),
    /// The store took it, but the hardware's counter did not follow.
    Root(RootError),
    /// The hardware's counter turned out not to be the store's, or is gone.
    Lost(RootError),
    /// The store is not the newest.
    Old(OldStore),
}

impl CommitFault {
    /// What whoever asked for the change is told.
    #[must_use]
    pub const fn status(&self) -> TpmResult {
        match self {
            Self::Store(StoreError::Full | StoreError::TooMany) => TpmResult::NO_SPACE,
            Self::Store(_) | Self::Root(_) | Self::Lost(_) | Self::Old(_) => TpmResult::FAIL,
        }
    }
}

impl From<CounterFault> for CommitFault {
    fn from(fault: CounterFault) -> Self {
        match fault {
            CounterFault::Lost(why) => Self::Lost(why),
            CounterFault::Failed(why) => Self::Root(why),
        }
    }
}

impl fmt::Display for CommitFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Root(error) | Self::Lost(error) => error.fmt(f),
            Self::Old(error) => error.fmt(f),
        }
    }
}

/// What became of the changes of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Changes that are durable.
    pub kept: usize,
    /// Writes of the store.
    pub commits: usize,
    /// Why the changes of these records are not known to be kept.
    pub failed: BTreeMap<Uuid, CommitFault>,
    /// Why nothing at all is known to be kept.
    pub everyone: Option<CommitFault>,
    /// Nothing was done yet: the same commit is to be tried again at
    /// [`Manager::next_deadline`](crate::Manager::next_deadline).
    pub waits: bool,
}

impl Outcome {
    /// Whether the change of this record is durable.
    ///
    /// # Errors
    /// [`CommitFault`] when it is not, or not known to be.
    pub fn of(&self, uuid: Uuid) -> Result<(), &CommitFault> {
        self.failed.get(&uuid).or(self.everyone.as_ref()).map_or(Ok(()), Err)
    }

    /// Why not everything is known to be kept, if so.
    #[must_use]
    pub fn fault(&self) -> Option<&CommitFault> {
        self.everyone.as_ref().or_else(|| self.failed.values().next())
    }
}
