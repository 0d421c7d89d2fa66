//! Why a store cannot be opened or changed.

use super::layout::{FORMAT_VERSION, LARGEST_SEALED_BYTES};
use crate::Uuid;
use core::fmt;
use domain_io::{BlockError, NoEntropy};

/// Which part of a store is damaged, and what is lost with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Both copies of the header.
    Header,
    /// Both copies of the sealed secret.
    SealedSecret,
    /// Both roots.
    Roots,
    /// One page: the records from the first uuid up to, not including, the second.
    Records {
        /// The page, in units of 4096 bytes from the disk's start.
        page: u32,
        /// The first uuid that may be lost.
        from: Uuid,
        /// The first uuid after those; `None` when all that follow may be lost.
        before: Option<Uuid>,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("both copies of the store's header are damaged"),
            Self::SealedSecret => f.write_str("both copies of the sealed secret are damaged"),
            Self::Roots => f.write_str("both roots of the store are damaged"),
            Self::Records { page, from, before: Some(before) } => write!(
                f,
                "page {page} of the store is damaged, with the records from {from} up to before {before}"
            ),
            Self::Records { page, from, before: None } => {
                write!(f, "page {page} of the store is damaged, with all records from {from} on")
            }
        }
    }
}

/// Why a store cannot be opened or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The disk did not do what was asked.
    Disk(BlockError),
    /// No randomness for a new key.
    NoEntropy,
    /// The disk was never written: a store may be created on it.
    Blank,
    /// The first creation of a store was cut short; nothing was ever kept in it: create it again.
    Unfinished,
    /// The disk holds something that is not a store.
    Foreign,
    /// The store was written in a newer format.
    NewerVersion {
        /// The store's version.
        version: u32,
        /// The oldest version of a reader that understands it.
        needs: u32,
    },
    /// The disk has fewer sectors than the store or a new store needs.
    TooSmall {
        /// Sectors needed.
        needs: u64,
        /// Sectors there.
        has: u64,
    },
    /// A part of the store is damaged or was changed by somebody without the secret.
    Damaged(Damage),
    /// The store is whole, but this is not its secret.
    WrongSecret,
    /// No room for new records; existing ones can still be saved. A larger disk helps.
    Full,
    /// As many records as the format can name, whatever the size of the disk; existing ones can still
    /// be saved.
    TooMany,
    /// The record cannot be kept: a part of it is longer than the format allows.
    RecordTooLong,
    /// The sealed secret is longer than the format allows.
    SealedTooLong,
    /// An earlier write failed, so what the disk holds is unknown until the store is opened again.
    MustReopen,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(why) => write!(f, "the store's disk: {why}"),
            Self::NoEntropy => write!(f, "the store cannot be written: {NoEntropy}"),
            Self::Blank => f.write_str("the disk is blank: no store was ever created on it"),
            Self::Unfinished => f.write_str("the store's creation was cut short; it holds nothing"),
            Self::Foreign => f.write_str("the disk holds something that is not a vTPM store"),
            Self::NewerVersion { version, needs } => write!(
                f,
                "the store has format version {version} and needs a reader of version {needs}; \
                 this one is of version {FORMAT_VERSION}"
            ),
            Self::TooSmall { needs, has } => {
                write!(f, "the disk has {has} sectors, the store needs {needs}")
            }
            Self::Damaged(what) => what.fmt(f),
            Self::WrongSecret => {
                f.write_str("the store is whole, but this secret does not open it")
            }
            Self::Full => {
                f.write_str("the store has no room for new records; it needs a larger disk")
            }
            Self::TooMany => f.write_str("the store holds as many records as its format can name"),
            Self::RecordTooLong => {
                f.write_str("a part of the record is longer than the store keeps")
            }
            Self::SealedTooLong => write!(
                f,
                "the sealed secret is longer than the {LARGEST_SEALED_BYTES} bytes the store keeps"
            ),
            Self::MustReopen => {
                f.write_str("a write to the store failed earlier; it must be opened again")
            }
        }
    }
}

impl core::error::Error for StoreError {}

impl From<BlockError> for StoreError {
    fn from(why: BlockError) -> Self {
        Self::Disk(why)
    }
}

impl From<NoEntropy> for StoreError {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::NoEntropy
    }
}
