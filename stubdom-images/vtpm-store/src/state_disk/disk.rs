//! An open state disk, and saving.

use super::error::StateDiskError;
use super::examine::{Content, examine};
use super::mark::Mark;
use super::slot;
use crate::{HashKey, Secret, Uuid};
use domain_io::{BlockDevice, Entropy};
use tpm_wire::TpmVersion;

/// What a new vTPM's disk may be written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Only a disk that was never written, or prepared and never used.
    Blank,
    /// Also a disk with something on it, as long as it lacks our mark.
    Unmarked,
}

/// A save that the manager is known to have kept.
pub(super) struct Kept {
    pub(super) slot: usize,
    pub(super) generation: u64,
    pub(super) hash_key: HashKey,
}

/// An open state disk. It knows which slot the manager names and never writes there.
pub struct StateDisk<D> {
    disk: D,
    mark: Mark,
    kept: Option<Kept>,
    /// A save of which the manager's answer is still out.
    unconfirmed: Option<Kept>,
    /// The highest generation that this disk has seen.
    newest: u64,
}

impl<D: BlockDevice> StateDisk<D> {
    pub(super) const fn with(disk: D, mark: Mark, kept: Option<Kept>, newest: u64) -> Self {
        Self { disk, mark, kept, unconfirmed: None, newest }
    }

    /// Prepares a disk for a vTPM that the manager does not know.
    ///
    /// # Errors
    /// [`StateDiskError::Used`] over our mark; [`StateDiskError::Foreign`] when `over` does not
    /// allow it; [`StateDiskError::TooSmall`]; the disk's.
    pub fn create(
        mut disk: D,
        uuid: Uuid,
        tpm: TpmVersion,
        over: Over,
    ) -> Result<Self, StateDiskError> {
        match examine(&mut disk)? {
            Content::Used { .. } => return Err(StateDiskError::Used),
            Content::Foreign if over == Over::Blank => return Err(StateDiskError::Foreign),
            // Its manager may have kept the first save: only the same uuid, which the caller's
            // manager does not know, says that it did not.
            Content::Unfinished { uuid: disk, .. } if disk != uuid => {
                return Err(StateDiskError::OtherUuid { disk });
            }
            _ => {}
        }
        let mark = Mark::fresh(uuid, tpm, disk.sectors())?;
        mark.write(&mut disk)?;
        disk.flush()?;
        Ok(Self::with(disk, mark, None, 0))
    }

    /// Writes the image into the slot that the manager does not name and flushes. Returns what the
    /// manager must keep; until [`confirm`](Self::confirm) or [`settle`](Self::settle) nothing more
    /// is written.
    ///
    /// # Errors
    /// [`StateDiskError::Unconfirmed`], [`StateDiskError::ImageTooLong`]; the disk's, after which
    /// the kept state is untouched and the save may be tried again.
    pub fn save(
        &mut self,
        entropy: &mut dyn Entropy,
        key: &Secret,
        image: &[u8],
    ) -> Result<HashKey, StateDiskError> {
        if self.unconfirmed.is_some() {
            return Err(StateDiskError::Unconfirmed);
        }
        let slot = self.kept.as_ref().map_or(0, |kept| 1 - kept.slot);
        let generation = self.newest + 1;
        let what = (generation, image);
        let hash = slot::write(&mut self.disk, &self.mark, slot, (key, entropy), what)?;
        self.disk.flush()?;
        let hash_key = HashKey::new(&hash, key);
        self.unconfirmed = Some(Kept { slot, generation, hash_key: hash_key.clone() });
        Ok(hash_key)
    }

    /// The manager answered that it keeps the last save. The first time in a disk's life this
    /// writes and flushes the mark.
    ///
    /// # Errors
    /// The disk's; the save counts as confirmed all the same.
    pub fn confirm(&mut self) -> Result<(), StateDiskError> {
        if let Some(saved) = self.unconfirmed.take() {
            self.newest = saved.generation;
            self.kept = Some(saved);
        }
        if self.mark.creating && self.kept.is_some() {
            let mark = Mark { creating: false, ..self.mark };
            mark.write(&mut self.disk)?;
            self.disk.flush()?;
            self.mark = mark;
        }
        Ok(())
    }

    /// The manager's answer was lost and it was asked which state it names: true when it is the last
    /// save, false when it is the one before.
    ///
    /// # Errors
    /// [`StateDiskError::ManagerNamesOther`]: another manager, or another life of this one; the disk's.
    pub fn settle(&mut self, named: Option<&HashKey>) -> Result<bool, StateDiskError> {
        if self.names_unconfirmed(named)? {
            self.confirm()?;
            return Ok(true);
        }
        self.unconfirmed = None;
        Ok(false)
    }

    /// What the manager must keep of the save whose answer is still out. Sending the same bytes again
    /// is safe at any time, since the slot stays as it is.
    pub fn unconfirmed(&self) -> Option<&HashKey> {
        self.unconfirmed.as_ref().map(|saved| &saved.hash_key)
    }

    /// Which save the manager names, without settling anything: true for the one whose answer is
    /// still out, false for the one before it.
    ///
    /// # Errors
    /// [`StateDiskError::ManagerNamesOther`]: another manager, or another life of this one.
    pub fn names_unconfirmed(&self, named: Option<&HashKey>) -> Result<bool, StateDiskError> {
        if named.is_some() && named == self.unconfirmed() {
            return Ok(true);
        }
        if named != self.kept.as_ref().map(|kept| &kept.hash_key) {
            return Err(StateDiskError::ManagerNamesOther);
        }
        Ok(false)
    }

    /// The generation of the state that the manager names; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.generation)
    }

    /// The longest image that can be saved, in bytes.
    pub fn room(&self) -> usize {
        slot::room(&self.mark)
    }

    /// The disk, once the state disk is not needed any more.
    pub fn into_disk(self) -> D {
        self.disk
    }
}
