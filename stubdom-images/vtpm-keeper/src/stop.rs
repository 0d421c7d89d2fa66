//! Why a managed vTPM does not start.

use crate::image::NoImage;
use crate::manager::ManagerError;
use core::fmt;
use domain_io::NoEntropy;
use tpm_wire::TpmVersion;
use vtpm_store::Uuid;
use vtpm_store::state_disk::{SlotReport, StateDiskError};

/// The domain stops; nothing was made or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The manager cannot be reached, or refuses.
    Manager(ManagerError),
    /// No randomness for the key of a new vTPM.
    NoEntropy,
    /// The disk refuses writes.
    ReadOnly,
    /// The disk holds something that is not vTPM state.
    Foreign,
    /// The manager knows the vTPM and the disk is blank.
    BlankDisk(Uuid),
    /// The manager does not know the vTPM and the disk holds its state.
    UnknownUuid(Uuid),
    /// The manager has a fresh record and the disk holds older state.
    RecordWithoutState(Uuid),
    /// The manager waits for dom0's command.
    NotProvisioned(Uuid),
    /// The disk is another vTPM's.
    OtherUuid {
        /// Whose.
        disk: Uuid,
        /// Which vTPM this is.
        wanted: Uuid,
    },
    /// The manager keeps state of the other version.
    OtherTpmAtManager {
        /// That version.
        manager: TpmVersion,
        /// What the command line wants.
        wanted: TpmVersion,
    },
    /// The disk holds state of the other version.
    OtherTpmOnDisk {
        /// That version.
        disk: TpmVersion,
        /// What the command line wants.
        wanted: TpmVersion,
    },
    /// The disk holds older states of this vTPM only.
    OlderDisk {
        /// This vTPM.
        uuid: Uuid,
        /// The newest generation on the disk.
        disk: u64,
        /// The generation in the manager's record.
        record: u64,
        /// What is in the slots.
        slots: [SlotReport; 2],
    },
    /// The disk holds states of this vTPM only that are no older than the manager's record, and
    /// none of them is the one that it vouches for.
    OtherAge {
        /// This vTPM.
        uuid: Uuid,
        /// The newest generation on the disk.
        disk: u64,
        /// The generation in the manager's record.
        record: u64,
        /// What is in the slots.
        slots: [SlotReport; 2],
    },
    /// The disk cannot be loaded.
    Disk(StateDiskError),
    /// The state was loaded and cannot be read.
    Image(NoImage),
}

impl From<ManagerError> for Stop {
    fn from(error: ManagerError) -> Self {
        Self::Manager(error)
    }
}

impl From<StateDiskError> for Stop {
    fn from(error: StateDiskError) -> Self {
        Self::Disk(error)
    }
}

impl From<NoImage> for Stop {
    fn from(error: NoImage) -> Self {
        Self::Image(error)
    }
}

impl From<NoEntropy> for Stop {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::NoEntropy
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manager(error) => write!(f, "its state cannot be asked for: {error}"),
            Self::NoEntropy => write!(f, "a new key cannot be made: {NoEntropy}"),
            Self::ReadOnly => f.write_str(
                "its disk is attached read-only: write access w instead of r in disk= of its \
                 configuration",
            ),
            Self::Foreign => f.write_str(
                "its disk holds something that is not vTPM state: give it a disk of its own, or, \
                 if nothing on this one is needed, write zeros over all of it",
            ),
            Self::BlankDisk(uuid) => write!(
                f,
                "the manager keeps the state of vTPM {uuid}, and its disk is blank: attach the \
                 right disk or restore its last copy; to give this vTPM up and make a new one, type \
                 xl-vtpm clear GUEST in dom0, or, where its configuration is gone, vtpmmgr-ctl \
                 delete --with-state {uuid} (docs/rollback.md)"
            ),
            Self::UnknownUuid(uuid) => write!(
                f,
                "the manager does not know vTPM {uuid}, and its disk holds a vTPM's state: start \
                 the manager that made it, or restore that manager's disk; to give that state up \
                 and make a new TPM, type xl-vtpm clear GUEST in dom0, or, where its configuration \
                 is gone, write zeros over all of the disk (docs/rollback.md)"
            ),
            Self::RecordWithoutState(uuid) => write!(
                f,
                "the manager has a record of vTPM {uuid} without any state, and its disk holds \
                 state that the manager cannot vouch for: restore the manager's disk; to give that \
                 state up and make a new TPM, type xl-vtpm clear GUEST in dom0, or, where its \
                 configuration is gone, write zeros over all of the disk (docs/rollback.md)"
            ),
            Self::NotProvisioned(uuid) => write!(
                f,
                "the manager does not know vTPM {uuid} and makes records only by command: make one \
                 by vtpmmgr-ctl new {uuid} in dom0"
            ),
            Self::OtherUuid { disk, wanted } => write!(
                f,
                "its disk belongs to vTPM {disk}, and this is vTPM {wanted}: attach the disk of \
                 this one, or give the uuid of the disk in vtpm= of its configuration"
            ),
            Self::OtherTpmAtManager { manager, wanted } => write!(
                f,
                "the manager keeps a TPM {manager} under this uuid, and the command line wants a \
                 TPM {wanted}: {}, or make the vTPM new by xl-vtpm clear GUEST in dom0",
                word_for(*manager)
            ),
            Self::OtherTpmOnDisk { disk, wanted } => write!(
                f,
                "its disk holds a TPM {disk}, and the command line wants a TPM {wanted}: {}",
                word_for(*disk)
            ),
            Self::OlderDisk { uuid, disk, record, slots: _ } => write!(
                f,
                "its disk is older than the manager's record: it holds generation {disk}, the \
                 record says {record}. Attach the newest disk; to go back for good, run vtpmmgr-ctl \
                 accept-older {uuid} {disk} in dom0 and start this vTPM once (docs/rollback.md)"
            ),
            Self::OtherAge { uuid, disk, record, slots: _ } => write!(
                f,
                "its disk holds generation {disk}, and the manager vouches for another state, of \
                 generation {record}: one of both disks was put back. Attach the disk that goes \
                 with the manager's; to go on from this one for good, run vtpmmgr-ctl accept-older \
                 {uuid} {disk} in dom0 and start this vTPM once (docs/rollback.md)"
            ),
            Self::Disk(error) => self::disk(error, f),
            Self::Image(error) => error.fmt(f),
        }
    }
}

const fn word_for(version: TpmVersion) -> &'static str {
    match version {
        TpmVersion::Tpm12 => "remove tpm2 from extra=",
        TpmVersion::Tpm20 => "write tpm2 into extra=",
    }
}

fn disk(error: &StateDiskError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    fmt::Display::fmt(error, f)?;
    f.write_str(match error {
        StateDiskError::TooSmall { .. } => ": give it a larger one; 2 MB is customary",
        StateDiskError::NewerVersion { .. } => ": start the image that wrote it",
        StateDiskError::Disk(_) => ": attach it anew",
        StateDiskError::NoSlotMatches(_) => {
            ": attach the newest disk, or restore its last copy (docs/rollback.md)"
        }
        StateDiskError::NoSuchGeneration(_) => {
            ": attach the disk that was meant, or give vtpmmgr-ctl accept-older a generation that is \
             there (docs/rollback.md)"
        }
        _ => ": restore the disk's last copy",
    })
}
