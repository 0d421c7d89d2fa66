//! What anybody with the disk may know, without the secret.

use super::error::{Damage, StoreError};
use super::layout::PAGE_BYTES;
use super::open::find_header;
use super::root::{RollbackMode, read_page};
use super::root_head::Head;
use domain_io::BlockDevice;
use tpm_wire::TpmVersion;

/// What a store says about itself in clear. A claim: only the secret proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The version of its format.
    pub version: u32,
    /// The oldest reader that understands it.
    pub min_reader: u32,
    /// A random name given at creation.
    pub store_id: [u8; 16],
    /// The number of the newest root that is whole. Its commit may still be found incomplete.
    pub sequence: u64,
    /// What the hardware TPM's counter was to say.
    pub counter: u64,
    /// Not used by this manager: 0.
    pub epoch: u64,
    /// How many records.
    pub records: u64,
    /// Bytes of the disk in use.
    pub bytes: u64,
    /// The version of the hardware TPM; `None` without one.
    pub hardware: Option<TpmVersion>,
    /// How old state is refused.
    pub mode: RollbackMode,
}

/// Reads what a store says about itself.
///
/// # Errors
/// What the disk is instead, as for [`Opening::read`](super::Opening::read).
pub fn inspect(disk: &mut dyn BlockDevice) -> Result<Overview, StoreError> {
    let header = find_header(disk)?.header;
    let heads = [Head::of(&read_page(disk, 0)?), Head::of(&read_page(disk, 1)?)];
    let head = heads.into_iter().flatten().max_by_key(|head| head.sequence);
    let head = head.ok_or(StoreError::Damaged(Damage::Roots))?;
    Ok(Overview {
        version: header.version,
        min_reader: header.min_reader,
        store_id: header.store_id,
        sequence: head.sequence,
        counter: head.counter,
        epoch: head.epoch,
        records: head.records,
        bytes: u64::from(head.pages) * PAGE_BYTES as u64,
        hardware: head.hardware,
        mode: head.mode,
    })
}
