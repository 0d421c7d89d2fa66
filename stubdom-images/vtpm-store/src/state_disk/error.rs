//! Why a state disk cannot be loaded or saved.

use super::mark::FORMAT_VERSION;
use crate::Uuid;
use core::fmt;
use domain_io::{BlockError, NoEntropy};
use tpm_wire::TpmVersion;

/// What stands in a slot that is not the one the manager names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotReport {
    /// Never written.
    Empty,
    /// Half-written or damaged.
    Damaged,
    /// Says that it belongs to another vTPM.
    OtherUuid(Uuid),
    /// Says that it is state of the other TPM version.
    OtherTpm(TpmVersion),
    /// True state of this vTPM, but not the one that was kept last.
    Older {
        /// The number of this save.
        generation: u64,
    },
    /// Its head is whole, but the manager's key does not open it: damaged, or of another life of
    /// this vTPM.
    Unopened {
        /// The number of this save, as it claims.
        generation: u64,
    },
}

impl fmt::Display for SlotReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Damaged => f.write_str("damaged"),
            Self::OtherUuid(uuid) => write!(f, "state of vTPM {uuid}"),
            Self::OtherTpm(version) => write!(f, "state of a TPM {version}"),
            Self::Older { generation } => write!(f, "another state, generation {generation}"),
            Self::Unopened { generation } => {
                write!(f, "not opened by the manager's key, says generation {generation}")
            }
        }
    }
}

/// Why a state disk cannot be loaded or saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateDiskError {
    /// The disk did not do what was asked.
    Disk(BlockError),
    /// No randomness for a new key.
    NoEntropy,
    /// The disk was never written.
    Blank,
    /// The disk holds something without our mark.
    Foreign,
    /// The disk already holds a vTPM's state.
    Used,
    /// Both copies of the mark are damaged.
    DamagedMark,
    /// The disk was written in a newer format.
    NewerVersion {
        /// The disk's version.
        version: u32,
        /// The oldest version of a reader that understands it.
        needs: u32,
    },
    /// The disk has fewer sectors than its slots or two new slots need.
    TooSmall {
        /// Sectors needed.
        needs: u64,
        /// Sectors there.
        has: u64,
    },
    /// The disk belongs to another vTPM.
    OtherUuid {
        /// That vTPM.
        disk: Uuid,
    },
    /// The disk holds the state of the other TPM version.
    OtherTpm {
        /// That version.
        disk: TpmVersion,
    },
    /// Neither slot is the one that the manager names; what they are instead.
    NoSlotMatches([SlotReport; 2]),
    /// No slot holds true state of this vTPM with the generation that was asked for.
    NoSuchGeneration([SlotReport; 2]),
    /// The image is longer than a slot.
    ImageTooLong {
        /// Bytes of the image.
        bytes: usize,
        /// Bytes that fit.
        most: usize,
    },
    /// The manager has not yet said whether it kept the last save.
    Unconfirmed,
    /// The manager names a state that is in neither slot.
    ManagerNamesOther,
}

impl fmt::Display for StateDiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(why) => write!(f, "the vTPM's disk: {why}"),
            Self::NoEntropy => write!(f, "the state cannot be saved: {NoEntropy}"),
            Self::Blank => f.write_str("the vTPM's disk is blank"),
            Self::Foreign => f.write_str("the vTPM's disk holds something that is not vTPM state"),
            Self::Used => f.write_str("the vTPM's disk already holds the state of a vTPM"),
            Self::DamagedMark => f.write_str("both copies of the disk's mark are damaged"),
            Self::NewerVersion { version, needs } => write!(
                f,
                "the vTPM's disk has format version {version} and needs a reader of version \
                 {needs}; this one is of version {FORMAT_VERSION}"
            ),
            Self::TooSmall { needs, has } => {
                write!(f, "the vTPM's disk has {has} sectors, {needs} are needed")
            }
            Self::OtherUuid { disk } => write!(f, "the disk belongs to vTPM {disk}"),
            Self::OtherTpm { disk } => write!(f, "the disk holds the state of a TPM {disk}"),
            Self::NoSlotMatches([a, b]) => write!(
                f,
                "the disk does not hold the state that the manager kept last (slot 0: {a}; slot 1: {b})"
            ),
            Self::NoSuchGeneration([a, b]) => write!(
                f,
                "the disk does not hold the generation that was asked for (slot 0: {a}; slot 1: {b})"
            ),
            Self::ImageTooLong { bytes, most } => {
                write!(f, "the state has {bytes} bytes, a slot of this disk holds {most}")
            }
            Self::Unconfirmed => {
                f.write_str("the manager has not said whether it kept the last save")
            }
            Self::ManagerNamesOther => {
                f.write_str("the manager names a state that is in neither slot")
            }
        }
    }
}

impl core::error::Error for StateDiskError {}

impl From<BlockError> for StateDiskError {
    fn from(why: BlockError) -> Self {
        Self::Disk(why)
    }
}

impl From<NoEntropy> for StateDiskError {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::NoEntropy
    }
}
