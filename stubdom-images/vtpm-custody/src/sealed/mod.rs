//! What is kept on the disk, byte by byte as in `docs/formats/sealed-secret.md`.

mod decode;
mod encode;
mod kind;
mod mac;
mod model;
mod overview;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use decode::decode;
pub(crate) use encode::encode;
pub use kind::Kind;
pub(crate) use mac::verify;
pub use model::{Accepted, CounterId};
pub(crate) use model::{
    Body, Branch, Content, Epoch, Lasting, Name, ObjectBlob, Parent, RecordedCounter, Sealed12,
    Sealed20, Way12,
};
pub use overview::{Overview, inspect};

/// The version of the blob that this crate writes.
pub const FORMAT_VERSION: u16 = 2;

/// The oldest version that this crate reads.
const OLDEST_VERSION: u16 = 1;

/// Flag: an administrator forced a policy that the checks refuse.
const FLAG_FORCED: u16 = 1;

/// Flag: `tpm2` was on the manager's command line.
const FLAG_TPM2: u16 = 2;

/// Tags of the blob's parts, in the order in which they stand.
mod tag {
    pub(super) const RECOVERY: u8 = 1;
    pub(super) const CLEAR_SECRET: u8 = 2;
    pub(super) const COUNTER: u8 = 3;
    pub(super) const WAY_12: u8 = 16;
    pub(super) const PARENT: u8 = 32;
    pub(super) const IDENTITY: u8 = 33;
    pub(super) const STORAGE_KEY: u8 = 34;
    pub(super) const OBJECT: u8 = 35;
    pub(super) const ADMINISTRATOR: u8 = 36;
    pub(super) const BRANCH: u8 = 37;

    /// These may stand there more than once.
    pub(super) const REPEATING: [u8; 2] = [WAY_12, BRANCH];
}
