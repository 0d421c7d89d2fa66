//! Whether a store is the newest one.

use super::words::{AcceptWord, CounterWord};
use crate::root::CounterValue;
use alloc::string::String;
use core::fmt;
use vtpm_custody::CounterId;

/// The page that every message names.
const PAGE: &str = "docs/rollback.md";

/// Where a word goes, and that it goes again.
const ONCE: &str = "to extra= in the manager's file (/etc/xen/vtpm/vtpmmgr.cfg), start it, and take the word out \
                    again";

/// What the hardware TPM has in place of the store's counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// No counter was ever made for this store.
    Never,
    /// The counter, and what it says.
    Says(CounterValue),
    /// The counter that was made is gone or somebody else's.
    Lost {
        /// Which of both.
        why: String,
        /// What is said in its place: by nothing, or by somebody else's counter.
        says: CounterWord,
    },
}

impl Found {
    const fn word(&self) -> CounterWord {
        match self {
            Self::Says(says) => CounterWord::Says(says.value),
            Self::Lost { says, .. } => *says,
            Self::Never => CounterWord::None,
        }
    }
}

/// What a store says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Its last commit.
    pub(crate) sequence: u64,
    /// The counter in it; 0 before the first.
    pub(crate) counter: u64,
    /// Which counter that is.
    pub(crate) id: CounterId,
}

/// What to do with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the newest; the counter says this.
    Newest(CounterValue),
    /// It never had a counter.
    NeedsCounter,
    /// It is an older copy that an administrator wants; what the counter says, if it is there.
    Accepted(Option<CounterValue>),
}

/// Why a store is refused, or its rules are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OldStore {
    /// It is an older copy.
    Older {
        /// Its last commit.
        sequence: u64,
        /// The counter in it.
        counter: u64,
        /// What the hardware's counter says.
        says: u64,
    },
    /// It was ahead of the hardware's counter by more than a cut explains.
    Ahead {
        /// Its last commit.
        sequence: u64,
        /// The counter in it.
        counter: u64,
        /// What the hardware's counter says.
        says: u64,
    },
    /// It was written under another counter than the one that goes with this TPM.
    OtherCounter {
        /// Its last commit.
        sequence: u64,
        /// What the hardware's counter says.
        says: u64,
    },
    /// Its counter is not in the hardware TPM any more.
    Lost {
        /// Its last commit.
        sequence: u64,
        /// What is there instead.
        why: String,
        /// What that says.
        says: CounterWord,
    },
    /// The disk is blank, but the hardware TPM holds the counter of a store.
    Blank {
        /// What the counter says.
        says: CounterWord,
    },
    /// There is no hardware TPM to count.
    NeedsHardware,
    /// A TPM 1.2 cannot count fast enough.
    StrictNeeds20,
    /// The counter did not follow a commit as it must.
    Jumped {
        /// What it was to say.
        expected: u64,
        /// What it says.
        says: u64,
    },
}

impl fmt::Display for OldStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Older { sequence, counter, says } => write!(
                f,
                "the manager's disk is older than the hardware TPM's counter by {}: commit \
                 {sequence} has {counter}, the counter says {says}. Attach the newest disk; to go \
                 back to this copy for good, add {} {ONCE} ({PAGE})",
                says.saturating_sub(*counter),
                accept(*sequence, CounterWord::Says(*says))
            ),
            Self::Ahead { sequence, counter, says } => write!(
                f,
                "the manager's disk is ahead of the hardware TPM's counter by {}: commit {sequence} \
                 has {counter}, the counter says {says}. The TPM's memory was put back, or this is \
                 another TPM; if that is known, add {} {ONCE} ({PAGE})",
                counter.saturating_sub(*says),
                accept(*sequence, CounterWord::Says(*says))
            ),
            Self::OtherCounter { sequence, says } => write!(
                f,
                "the manager's disk is older than the hardware TPM's counter: commit {sequence} was \
                 written under another one, before a recovery or a new counter. Attach the newest \
                 disk; to go back to this copy for good, add {} {ONCE} ({PAGE})",
                accept(*sequence, CounterWord::Says(*says))
            ),
            Self::Lost { sequence, why, says } => write!(
                f,
                "{why}. If that is known, add {} {ONCE}: what was put back before cannot be \
                 detected then ({PAGE})",
                accept(*sequence, *says)
            ),
            Self::Blank { says } => write!(
                f,
                "the manager's disk is blank, but the hardware TPM holds the counter of a store. \
                 Attach that store's disk; to give up every vTPM in it for good, add forget={says} \
                 {ONCE} ({PAGE})"
            ),
            Self::NeedsHardware => write!(
                f,
                "there is no hardware TPM whose counter could tell old state: take rollback= out \
                 ({PAGE})"
            ),
            Self::StrictNeeds20 => write!(
                f,
                "rollback=strict needs a TPM 2.0: a TPM 1.2 counts once in five seconds; write \
                 rollback=batched ({PAGE})"
            ),
            Self::Jumped { expected, says } => write!(
                f,
                "the hardware TPM's counter says {says} instead of {expected}: somebody else \
                 advances it, such as a second manager with a copy of this disk ({PAGE})"
            ),
        }
    }
}

fn accept(sequence: u64, counter: CounterWord) -> String {
    alloc::format!("accept={}", AcceptWord { sequence, counter })
}

/// Judges a store by the hardware's counter.
///
/// # Errors
/// [`OldStore`] when it must not be served.
pub(crate) fn judge(
    kept: Kept,
    found: &Found,
    word: Option<AcceptWord>,
) -> Result<Verdict, OldStore> {
    let Kept { sequence, counter, id } = kept;
    match found {
        Found::Never if counter == 0 => return Ok(Verdict::NeedsCounter),
        Found::Says(says) if id == says.id && fits(counter, says.value) => {
            return Ok(Verdict::Newest(*says));
        }
        _ => {}
    }
    if word == Some(AcceptWord { sequence, counter: found.word() }) {
        let says = if let Found::Says(says) = found { Some(*says) } else { None };
        return Ok(Verdict::Accepted(says));
    }
    Err(match found {
        Found::Says(CounterValue { id: other, value: says }) if counter != 0 && *other != id => {
            OldStore::OtherCounter { sequence, says: *says }
        }
        Found::Says(CounterValue { value: says, .. }) if counter < *says => {
            OldStore::Older { sequence, counter, says: *says }
        }
        Found::Says(CounterValue { value: says, .. }) => {
            OldStore::Ahead { sequence, counter, says: *says }
        }
        Found::Lost { why, says } => OldStore::Lost { sequence, why: why.clone(), says: *says },
        Found::Never => OldStore::Lost {
            sequence,
            says: CounterWord::None,
            why:
                "the sealed secret on the manager's disk names no counter, but its store has one: \
                  a part of the disk is older than the rest"
                    .into(),
        },
    })
}

/// At the counter, or one above: what a cut leaves.
fn fits(counter: u64, says: u64) -> bool {
    counter == says || Some(counter) == says.checked_add(1)
}
