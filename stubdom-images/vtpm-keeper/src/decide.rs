//! What a start does: one table of what the manager knows and what the disk holds.

use crate::stop::Stop;
use tpm_wire::TpmVersion;
use vtpm_store::state_disk::{Content, StateDiskError};
use vtpm_store::{HashKey, Uuid};

/// What the manager has of this vTPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtManager {
    /// No record.
    Unknown {
        /// Records are made only by dom0's command.
        explicit: bool,
    },
    /// A record without saved state.
    Record(TpmVersion),
    /// Saved state.
    State {
        /// Which TPM it is of; `None` from a manager that does not say.
        version: Option<TpmVersion>,
        /// Hash and key.
        hash_key: HashKey,
        /// State of this older generation is taken once, by an administrator's word.
        accept_once: Option<u64>,
    },
}

/// The vTPM that this domain is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its uuid.
    pub uuid: Uuid,
    /// Its version.
    pub version: TpmVersion,
}

/// What the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDisk {
    /// What it says it holds.
    pub content: Result<Content, StateDiskError>,
    /// It refuses writes.
    pub read_only: bool,
}

/// What to do. A TPM is made anew by [`Plan::Manufacture`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Load the state that the manager names, and nothing else.
    Load(HashKey),
    /// Load the state that the manager names or, when that is not there, this older generation.
    LoadOrOlder(HashKey, u64),
    /// Make a new TPM; `register` when the manager has no record yet.
    Manufacture {
        /// Whether to introduce it to the manager first.
        register: bool,
    },
}

/// Decides.
///
/// # Errors
/// [`Stop`]: the domain stops and says why, and by which deliberate step to go on.
pub fn decide(wanted: Wanted, manager: AtManager, disk: OnDisk) -> Result<Plan, Stop> {
    if disk.read_only {
        return Err(Stop::ReadOnly);
    }
    match manager {
        AtManager::Unknown { explicit } => match owned(wanted, disk.content)? {
            Own::State => Err(Stop::UnknownUuid(wanted.uuid)),
            Own::Nothing if explicit => Err(Stop::NotProvisioned(wanted.uuid)),
            Own::Nothing => Ok(Plan::Manufacture { register: true }),
            Own::Foreign => Err(Stop::Foreign),
        },
        AtManager::Record(version) | AtManager::State { version: Some(version), .. }
            if version != wanted.version =>
        {
            Err(Stop::OtherTpmAtManager { manager: version, wanted: wanted.version })
        }
        AtManager::Record(_) => match owned(wanted, disk.content)? {
            Own::State => Err(Stop::RecordWithoutState(wanted.uuid)),
            Own::Nothing => Ok(Plan::Manufacture { register: false }),
            Own::Foreign => Err(Stop::Foreign),
        },
        AtManager::State { hash_key, accept_once, .. } => {
            loadable(wanted, disk.content)?;
            Ok(match accept_once {
                Some(generation) => Plan::LoadOrOlder(hash_key, generation),
                None => Plan::Load(hash_key),
            })
        }
    }
}

/// What a disk means for a vTPM of which the manager has no state.
enum Own {
    Nothing,
    Foreign,
    State,
}

fn owned(wanted: Wanted, content: Result<Content, StateDiskError>) -> Result<Own, Stop> {
    Ok(match content.map_err(Stop::Disk)? {
        Content::Blank => Own::Nothing,
        Content::Foreign => Own::Foreign,
        Content::Unfinished { uuid, .. } | Content::Used { uuid, .. } if uuid != wanted.uuid => {
            return Err(Stop::OtherUuid { disk: uuid, wanted: wanted.uuid });
        }
        Content::Unfinished { .. } => Own::Nothing,
        Content::Used { .. } => Own::State,
    })
}

/// Whether the disk may be what the manager knows the state of.
fn loadable(wanted: Wanted, content: Result<Content, StateDiskError>) -> Result<(), Stop> {
    match content.map_err(Stop::Disk)? {
        Content::Blank => Err(Stop::BlankDisk(wanted.uuid)),
        Content::Foreign => Err(Stop::Foreign),
        Content::Unfinished { uuid, tpm } | Content::Used { uuid, tpm, .. } => {
            if uuid != wanted.uuid {
                return Err(Stop::OtherUuid { disk: uuid, wanted: wanted.uuid });
            }
            if tpm != wanted.version {
                return Err(Stop::OtherTpmOnDisk { disk: tpm, wanted: wanted.version });
            }
            Ok(())
        }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
