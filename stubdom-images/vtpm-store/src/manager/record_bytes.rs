//! A record as bytes: a fixed head, then tagged parts in ascending order of their tags.

use super::error::StoreError;
use super::record::{EK_NAME_BYTES, EK_PUBLIC_BYTES, Flags, Frontend, Record, SHORT_HASH_BYTES};
use crate::bytes::Reader;
use crate::{HashKey, Uuid};
use alloc::vec::Vec;
use tpm_wire::TpmVersion;
use zeroize::Zeroizing;

/// Bytes before the first part.
const HEAD_BYTES: usize = 36;

/// The longest record: at least three fit in a page.
pub(super) const LONGEST_BYTES: usize = 1300;

/// The kind of record that describes a vTPM; other kinds are kept and passed over.
const VTPM: u8 = 1;

const HASH_KEY: u8 = 1;
const IMAGE_HASH: u8 = 2;
const LABEL_HASH: u8 = 3;
const ACCEPT_ONCE: u8 = 4;
const FRONTEND: u8 = 5;
const EK_NAME: u8 = 6;
const EK_PUBLIC: u8 = 7;

/// A record's bytes, wiped when dropped: they hold the key.
pub(super) type Raw = Zeroizing<Vec<u8>>;

/// The uuid in a record's bytes, whatever its kind.
pub(super) fn uuid_of(raw: &[u8]) -> Uuid {
    Uuid(raw.get(8..24).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default())
}

/// Cuts the next record off.
pub(super) fn take(from: &mut Reader<'_>) -> Option<Raw> {
    let length = usize::from(Reader::new(from.rest()).u16()?);
    if !(HEAD_BYTES..=LONGEST_BYTES).contains(&length) {
        return None;
    }
    Some(Zeroizing::new(from.slice(length)?.to_vec()))
}

/// # Errors
/// [`StoreError::RecordTooLong`].
pub(super) fn encode(record: &Record) -> Result<Raw, StoreError> {
    // The full length at once: a vector that grew would leave copies of the key behind.
    let mut raw = Zeroizing::new(Vec::with_capacity(LONGEST_BYTES));
    raw.extend_from_slice(&[0, 0, VTPM, number_of(record.version)]);
    raw.extend_from_slice(&record.flags.0.to_le_bytes());
    raw.extend_from_slice(&record.uuid.0);
    raw.extend_from_slice(&record.generation.to_le_bytes());
    raw.extend_from_slice(&record.group.to_le_bytes());
    if let Some(hash_key) = &record.hash_key {
        part(&mut raw, HASH_KEY, hash_key.bytes(), 64)?;
    }
    part(&mut raw, IMAGE_HASH, &record.image_hash, SHORT_HASH_BYTES)?;
    part(&mut raw, LABEL_HASH, &record.label_hash, SHORT_HASH_BYTES)?;
    if let Some(generation) = record.accept_once {
        part(&mut raw, ACCEPT_ONCE, &generation.to_le_bytes(), 8)?;
    }
    if let Some(frontend) = record.frontend {
        let mut bytes = [0; 20];
        bytes[..4].copy_from_slice(&frontend.domain.to_le_bytes());
        bytes[4..].copy_from_slice(&frontend.uuid.0);
        part(&mut raw, FRONTEND, &bytes, 20)?;
    }
    part(&mut raw, EK_NAME, &record.ek_name, EK_NAME_BYTES)?;
    part(&mut raw, EK_PUBLIC, &record.ek_public, EK_PUBLIC_BYTES)?;
    for (tag, bytes) in &record.others {
        part(&mut raw, *tag, bytes, LONGEST_BYTES)?;
    }
    let length = u16::try_from(raw.len()).map_err(|_| StoreError::RecordTooLong)?;
    raw[..2].copy_from_slice(&length.to_le_bytes());
    Ok(raw)
}

/// Appends one part; nothing when it is empty.
fn part(raw: &mut Raw, tag: u8, bytes: &[u8], longest: usize) -> Result<(), StoreError> {
    if bytes.is_empty() {
        return Ok(());
    }
    if bytes.len() > longest || raw.len() + 3 + bytes.len() > LONGEST_BYTES {
        return Err(StoreError::RecordTooLong);
    }
    let length = u16::try_from(bytes.len()).map_err(|_| StoreError::RecordTooLong)?;
    raw.push(tag);
    raw.extend_from_slice(&length.to_le_bytes());
    raw.extend_from_slice(bytes);
    Ok(())
}

const fn number_of(version: TpmVersion) -> u8 {
    match version {
        TpmVersion::Tpm12 => 1,
        TpmVersion::Tpm20 => 2,
    }
}

/// The record of a vTPM; `Some(None)` for another kind, `None` when the bytes are no record.
pub(super) fn decode(raw: &[u8]) -> Option<Option<Record>> {
    let mut from = Reader::new(raw);
    let (_length, kind, version) = (from.u16()?, from.u8()?, from.u8()?);
    if kind != VTPM {
        return Some(None);
    }
    let version = match version {
        1 => TpmVersion::Tpm12,
        2 => TpmVersion::Tpm20,
        _ => return None,
    };
    let flags = Flags(from.u32()?);
    let mut record = Record::new(Uuid(from.array()?), version);
    record.flags = flags;
    record.generation = from.u64()?;
    record.group = from.u32()?;
    let mut last = 0;
    while !from.rest().is_empty() {
        let (tag, length) = (from.u8()?, from.u16()?);
        if tag <= last {
            return None;
        }
        last = tag;
        take_part(&mut record, tag, from.slice(usize::from(length))?)?;
    }
    Some(Some(record))
}

fn take_part(record: &mut Record, tag: u8, bytes: &[u8]) -> Option<()> {
    match tag {
        HASH_KEY => record.hash_key = Some(HashKey::from(<[u8; 64]>::try_from(bytes).ok()?)),
        IMAGE_HASH => record.image_hash = bytes.to_vec(),
        LABEL_HASH => record.label_hash = bytes.to_vec(),
        ACCEPT_ONCE => record.accept_once = Some(u64::from_le_bytes(bytes.try_into().ok()?)),
        FRONTEND => {
            let mut from = Reader::new(bytes);
            let domain = from.u32()?;
            record.frontend = Some(Frontend { domain, uuid: Uuid(from.array()?) });
        }
        EK_NAME => record.ek_name = bytes.to_vec(),
        EK_PUBLIC => record.ek_public = bytes.to_vec(),
        _ => record.others.push((tag, bytes.to_vec())),
    }
    Some(())
}
