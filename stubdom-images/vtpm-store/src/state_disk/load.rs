//! Loading: the slot that the manager names, or an older one by an administrator's word.

use super::disk::{Kept, StateDisk};
use super::error::StateDiskError;
use super::examine::{Content, examine};
use super::mark::{self, Mark};
use super::slot::{self, Slot, Whole};
use crate::{HashKey, Secret, Uuid};
use alloc::vec::Vec;
use core::fmt;
use domain_io::BlockDevice;
use tpm_wire::TpmVersion;
use zeroize::Zeroizing;

/// A state that was loaded.
pub struct Loaded {
    /// The number of the save.
    pub generation: u64,
    /// What was saved; wiped when dropped.
    pub image: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loaded {{ generation: {}, {} bytes }}", self.generation, self.image.len())
    }
}

impl<D: BlockDevice> StateDisk<D> {
    /// Opens the disk of a vTPM that the manager knows and loads the state whose hash the manager
    /// keeps.
    ///
    /// # Errors
    /// [`StateDiskError`], saying what the disk is instead. Never a reason to make a new TPM.
    pub fn open(
        mut disk: D,
        uuid: Uuid,
        tpm: TpmVersion,
        kept: &HashKey,
    ) -> Result<(Self, Loaded), StateDiskError> {
        let (mark, slots, key) = read(&mut disk, uuid, tpm, &kept.key())?;
        for (number, slot) in slots.iter().enumerate() {
            let Slot::Whole(whole) = slot else { continue };
            if whole.hash() != kept.hash() || whole.head.uuid != uuid || whole.head.tpm != tpm {
                continue;
            }
            if let Some(image) = whole.open(&key) {
                let generation = whole.head.generation;
                let kept = Kept { slot: number, generation, hash_key: kept.clone() };
                let loaded = Loaded { generation, image };
                return Ok((Self::with(disk, mark, Some(kept), generation), loaded));
            }
        }
        Err(StateDiskError::NoSlotMatches(slots.map(|slot| slot.report(&mark, &key))))
    }

    /// Opens the disk with a state that is not the one the manager keeps, because an administrator
    /// named its generation. The hash and key returned are what the manager must keep from now on.
    ///
    /// # Errors
    /// [`StateDiskError::NoSuchGeneration`] unless a slot holds true state of this vTPM with it.
    pub fn open_older(
        mut disk: D,
        uuid: Uuid,
        tpm: TpmVersion,
        key: &Secret,
        generation: u64,
    ) -> Result<(Self, Loaded, HashKey), StateDiskError> {
        let (mark, slots, key) = read(&mut disk, uuid, tpm, key)?;
        let opened: Vec<_> = slots.iter().map(|slot| slot.own(&mark, &key)).collect();
        let newest = opened.iter().flatten().map(|(whole, _)| whole.head.generation).max();
        let wanted = (0..).zip(opened).find_map(|(number, opened)| {
            opened.filter(|(whole, _)| whole.head.generation == generation).map(|own| (number, own))
        });
        let Some((slot, (whole, image))) = wanted else {
            let reports = [&slots[0], &slots[1]].map(|slot| slot.report(&mark, &key));
            return Err(StateDiskError::NoSuchGeneration(reports));
        };
        let hash_key = HashKey::new(&whole.hash(), &key);
        let kept = Kept { slot, generation, hash_key: hash_key.clone() };
        let store = Self::with(disk, mark, Some(kept), newest.unwrap_or(generation));
        Ok((store, Loaded { generation, image }, hash_key))
    }
}

impl Slot {
    /// The slot and its image when it is true state of this vTPM.
    fn own(&self, mark: &Mark, key: &Secret) -> Option<(&Whole, Zeroizing<Vec<u8>>)> {
        let Self::Whole(whole) = self else { return None };
        let own = whole.head.uuid == mark.uuid && whole.head.tpm == mark.tpm;
        own.then(|| whole.open(key)).flatten().map(|image| (&**whole, image))
    }
}

/// Mark and slots of this vTPM's disk, and a copy of the key.
fn read(
    disk: &mut dyn BlockDevice,
    uuid: Uuid,
    tpm: TpmVersion,
    key: &Secret,
) -> Result<(Mark, [Slot; 2], Secret), StateDiskError> {
    if !disk.is_read_only() {
        // What an earlier life of this domain wrote without flushing may be readable here and still
        // be lost later.
        disk.flush()?;
    }
    let Some(mark) = mark::find(disk)? else {
        let blank = examine(disk)? == Content::Blank;
        return Err(if blank { StateDiskError::Blank } else { StateDiskError::Foreign });
    };
    if mark.uuid != uuid {
        return Err(StateDiskError::OtherUuid { disk: mark.uuid });
    }
    if mark.tpm != tpm {
        return Err(StateDiskError::OtherTpm { disk: mark.tpm });
    }
    let slots = [slot::read(disk, &mark, 0)?, slot::read(disk, &mark, 1)?];
    Ok((mark, slots, key.clone()))
}
