//! The root: which commit this is, the manager's own numbers, and the branches.

use super::error::StoreError;
use super::layout::{FORMAT_VERSION, PAGE_BYTES, ROOT_PAGES, sector_of};
use super::pages::{Keys, Kind, PURPOSE, Place};
use super::pointer::{self, POINTER_BYTES, Pointer};
use super::root_head::{CLEAR_BYTES, HEAD_BYTES, Head};
use crate::bytes::Reader;
use crate::digest::sha256;
use crate::seal;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError, Entropy};
use tpm_wire::TpmVersion;
use zeroize::Zeroizing;

/// Bytes of the encrypted part before the pointers.
const NUMBERS_BYTES: usize = 64;

/// Branches that fit into the root.
pub(super) const MOST_BRANCHES: usize =
    (PAGE_BYTES - HEAD_BYTES - NUMBERS_BYTES - 2) / POINTER_BYTES;

/// How old state is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RollbackMode {
    /// Not at all: no hardware TPM, or not asked for.
    #[default]
    Off,
    /// The counter follows at the latest after some seconds or saves.
    Batched,
    /// The counter follows each commit before it is acknowledged.
    Strict,
}

/// How often the hardware's counter was used lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// The manager's running time, all its lives together, in seconds, up to which `used` counts.
    pub running: u64,
    /// Increments that the budget has not made good yet; it makes good `limit` a day, evenly.
    pub used: u32,
    /// Increments allowed in a day.
    pub limit: u32,
}

/// A copy of the whole store that was put back by an administrator's word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptedBackup {
    /// How often this happened.
    pub times: u32,
    /// The commit in the copy that was taken last.
    pub sequence: u64,
    /// The counter in that copy.
    pub counter: u64,
}

/// The manager's own numbers; written with every commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// What the hardware TPM's counter is to say once this commit is acknowledged.
    pub counter: u64,
    /// The random name that this counter was given when it was made: values of two counters say
    /// nothing about each other.
    pub counter_id: [u8; 16],
    /// Not used by this manager, which writes 0 and keeps what is there: epochs are in the sealed secret.
    pub epoch: u64,
    /// The version of the hardware TPM; `None` without one.
    pub hardware: Option<TpmVersion>,
    /// How old state is refused.
    pub mode: RollbackMode,
    /// Use of the hardware's counter.
    pub budget: Budget,
    /// Copies that were put back.
    pub accepted: AcceptedBackup,
}

/// One whole root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) sequence: u64,
    pub(super) records: u64,
    pub(super) pages: u32,
    pub(super) fields: Fields,
    pub(super) branches: Vec<Pointer>,
}

/// What stands where a root belongs.
pub(super) enum Slot {
    Good(Root),
    /// Whole, but not written with this secret.
    OtherSecret,
    /// Never written, half-written or damaged.
    Bad,
}

impl Root {
    const fn head(&self) -> Head {
        Head {
            version: FORMAT_VERSION,
            min_reader: FORMAT_VERSION,
            sequence: self.sequence,
            counter: self.fields.counter,
            epoch: self.fields.epoch,
            records: self.records,
            pages: self.pages,
            hardware: self.fields.hardware,
            mode: self.fields.mode,
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(PAGE_BYTES - HEAD_BYTES);
        let Fields { budget, accepted, .. } = self.fields;
        body.extend_from_slice(&budget.running.to_le_bytes());
        body.extend_from_slice(&budget.used.to_le_bytes());
        body.extend_from_slice(&budget.limit.to_le_bytes());
        body.extend_from_slice(&accepted.sequence.to_le_bytes());
        body.extend_from_slice(&accepted.counter.to_le_bytes());
        body.extend_from_slice(&accepted.times.to_le_bytes());
        body.extend_from_slice(&self.fields.counter_id);
        body.resize(NUMBERS_BYTES, 0);
        pointer::encode(&self.branches, &mut body);
        body.resize(PAGE_BYTES - HEAD_BYTES, 0);
        body
    }

    /// Writes the root into one of the two slots; durable after the next flush.
    pub(super) fn write(
        &self,
        disk: &mut dyn BlockDevice,
        keys: &Keys,
        entropy: &mut dyn Entropy,
        slot: usize,
    ) -> Result<(), StoreError> {
        let clear = self.head().encode();
        let claims = claims(keys, slot, self.sequence, &clear);
        let mut body = self.body();
        let wrap = seal::seal(&keys.secret, PURPOSE, entropy, &claims, &mut body)?;
        let mut page = Vec::with_capacity(PAGE_BYTES);
        page.extend_from_slice(&clear);
        page.extend_from_slice(&wrap.salt);
        page.extend_from_slice(&wrap.tag);
        let digest = sha256(&[&page, &body]);
        page.extend_from_slice(&digest[..HEAD_BYTES - page.len()]);
        page.extend_from_slice(&body);
        Ok(disk.write(sector_of(ROOT_PAGES[slot]), &page)?)
    }

    fn decode(head: Head, body: &[u8]) -> Option<Self> {
        let mut from = Reader::new(body.get(..NUMBERS_BYTES)?);
        let budget = Budget { running: from.u64()?, used: from.u32()?, limit: from.u32()? };
        let (sequence, counter) = (from.u64()?, from.u64()?);
        let accepted = AcceptedBackup { times: from.u32()?, sequence, counter };
        let counter_id = from.array()?;
        let branches = pointer::decode(&mut Reader::new(body.get(NUMBERS_BYTES..)?))?;
        let Head { counter, epoch, hardware, mode, .. } = head;
        let fields = Fields { counter, counter_id, epoch, hardware, mode, budget, accepted };
        let Head { sequence, records, pages, .. } = head;
        Some(Self { sequence, records, pages, fields, branches })
    }
}

fn claims(keys: &Keys, slot: usize, sequence: u64, clear: &[u8; CLEAR_BYTES]) -> Vec<u8> {
    let place = Place { page: ROOT_PAGES[slot], born: sequence };
    let mut claims = keys.claims(Kind::Root, place);
    claims.extend_from_slice(clear);
    claims
}

/// Reads and opens the root in one of the two slots.
///
/// # Errors
/// The disk's; a root of a newer format.
pub(super) fn read(
    disk: &mut dyn BlockDevice,
    keys: &Keys,
    slot: usize,
) -> Result<Slot, StoreError> {
    let page = read_page(disk, slot)?;
    let Some(head) = Head::of(&page) else { return Ok(Slot::Bad) };
    if head.min_reader > FORMAT_VERSION {
        let (version, needs) = (head.version, head.min_reader);
        return Err(StoreError::NewerVersion { version, needs });
    }
    let (front, body) = page.split_at(HEAD_BYTES);
    let Some((clear, wrap)) = super::root_head::wrap_of(front) else { return Ok(Slot::Bad) };
    let mut body = Zeroizing::new(body.to_vec());
    let claims = claims(keys, slot, head.sequence, &clear);
    if seal::open(&keys.secret, PURPOSE, &wrap, &claims, &mut body).is_err() {
        return Ok(Slot::OtherSecret);
    }
    Ok(Root::decode(head, &body).map_or(Slot::Bad, Slot::Good))
}

/// The page of one of the two slots as it stands on the disk.
pub(super) fn read_page(disk: &mut dyn BlockDevice, slot: usize) -> Result<Vec<u8>, BlockError> {
    let mut page = vec![0; PAGE_BYTES];
    disk.read(sector_of(ROOT_PAGES[slot]), &mut page)?;
    Ok(page)
}
