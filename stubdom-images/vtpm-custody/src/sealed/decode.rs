//! From bytes to content. Nothing here is believed yet: see [`verify`](super::verify).

use super::model::{
    Body, Branch, Content, Epoch, Lasting, ObjectBlob, Parent, RecordedCounter, Sealed12, Sealed20,
    Way12,
};
use super::reader::Reader;
use super::{FLAG_FORCED, FLAG_TPM2, FORMAT_VERSION, Kind, OLDEST_VERSION, mac, tag};
use crate::crypto::Wrapped;
use crate::error::CustodyError;
use crate::pcr::{PcrMask, PcrSelection, PcrState};
use crate::policy::AdministratorKey;
use alloc::boxed::Box;
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The parts of a blob, each taken at most once, except those that may repeat.
struct Parts<'a>(Vec<(u8, &'a [u8])>);

impl<'a> Parts<'a> {
    /// Tags ascend; few may repeat.
    fn read(reader: &mut Reader<'a>) -> Result<Self, CustodyError> {
        let mut parts: Vec<(u8, &[u8])> = Vec::new();
        while !reader.is_empty() {
            let tag = reader.u8()?;
            let length = reader.u16()?;
            let content = reader.slice(usize::from(length))?;
            let before = parts.last().map_or(0, |(tag, _)| *tag);
            if tag < before || tag == before && !tag::REPEATING.contains(&tag) {
                return Err(CustodyError::Damaged);
            }
            parts.push((tag, content));
        }
        Ok(Self(parts))
    }

    fn maybe(&mut self, tag: u8) -> Option<Reader<'a>> {
        let at = self.0.iter().position(|(there, _)| *there == tag)?;
        Some(Reader::new(self.0.remove(at).1))
    }

    fn one(&mut self, tag: u8) -> Result<Reader<'a>, CustodyError> {
        self.maybe(tag).ok_or(CustodyError::Damaged)
    }

    fn end(&self) -> Result<(), CustodyError> {
        self.0.first().map_or(Ok(()), |(tag, _)| Err(CustodyError::UnknownPart(*tag)))
    }
}

/// # Errors
/// [`CustodyError`]: unknown kind, version or part by its number, or damage.
pub(crate) fn decode(sealed: &SealedSecret) -> Result<Content, CustodyError> {
    let kind = Kind::of(sealed.kind)?;
    let mut reader = Reader::new(&sealed.blob);
    let version = reader.u16()?;
    if !(OLDEST_VERSION..=FORMAT_VERSION).contains(&version) {
        return Err(CustodyError::UnknownVersion(version));
    }
    let flags = reader.u16()?;
    let rest = reader.rest();
    let (parts, _mac) = rest.split_last_chunk::<{ mac::BYTES }>().ok_or(CustodyError::Damaged)?;
    let mut parts = Parts::read(&mut Reader::new(parts))?;
    let recovery = parts.maybe(tag::RECOVERY).map(recovery).transpose()?;
    let counter = parts.maybe(tag::COUNTER).map(|part| counter(kind, part)).transpose()?;
    let body = match kind {
        Kind::Clear => Body::Clear(Secret::new(whole(parts.one(tag::CLEAR_SECRET)?)?)),
        Kind::Tpm12 => Body::Tpm12(tpm12(&mut parts)?),
        Kind::Tpm20 => Body::Tpm20(Box::new(tpm20(&mut parts)?)),
    };
    parts.end()?;
    let lasting = Lasting { recovery, counter, tpm2: flags & FLAG_TPM2 != 0 };
    Ok(Content { forced: flags & FLAG_FORCED != 0, lasting, body })
}

fn whole<const N: usize>(mut reader: Reader<'_>) -> Result<[u8; N], CustodyError> {
    let array = reader.array()?;
    reader.end()?;
    Ok(array)
}

fn recovery(mut reader: Reader<'_>) -> Result<Wrapped, CustodyError> {
    let wrapped = Wrapped { salt: reader.array()?, tag: reader.array()?, text: reader.array()? };
    reader.end()?;
    Ok(wrapped)
}

fn counter(kind: Kind, mut reader: Reader<'_>) -> Result<RecordedCounter, CustodyError> {
    let number = reader.u32()?;
    match kind {
        Kind::Tpm20 => {
            let name = reader.array()?;
            Ok(RecordedCounter::Index { index: number, name, id: whole(reader)? })
        }
        Kind::Tpm12 => {
            let label = reader.array()?;
            Ok(RecordedCounter::Monotonic { handle: number, label, id: whole(reader)? })
        }
        Kind::Clear => Err(CustodyError::Damaged),
    }
}

fn tpm12(parts: &mut Parts<'_>) -> Result<Sealed12, CustodyError> {
    let mut ways = Vec::new();
    while let Some(mut reader) = parts.maybe(tag::WAY_12) {
        let length = reader.u16()?;
        let stored = reader.slice(usize::from(length))?.to_vec();
        ways.push(Way12 { stored, state: state(reader)? });
    }
    Ok(Sealed12 { ways })
}

fn tpm20(parts: &mut Parts<'_>) -> Result<Sealed20, CustodyError> {
    let (parent, parent_name) = parent(parts.one(tag::PARENT)?)?;
    let identity = parts.maybe(tag::IDENTITY).map(whole).transpose()?;
    let storage_key = object(parts.one(tag::STORAGE_KEY)?)?;
    let object = object(parts.one(tag::OBJECT)?)?;
    let administrator = parts.maybe(tag::ADMINISTRATOR).map(administrator).transpose()?;
    let mut branches = Vec::new();
    while let Some(reader) = parts.maybe(tag::BRANCH) {
        branches.push(branch(reader)?);
    }
    Ok(Sealed20 { parent, parent_name, identity, storage_key, object, administrator, branches })
}

fn parent(mut reader: Reader<'_>) -> Result<(Parent, [u8; 34]), CustodyError> {
    let parent = match (reader.u8()?, reader.u32()?) {
        (1, 0) => Parent::EccPrimary,
        (2, 0) => Parent::RsaPrimary,
        (3, handle) => Parent::Persistent(handle),
        _ => return Err(CustodyError::Damaged),
    };
    Ok((parent, whole(reader)?))
}

fn object(mut reader: Reader<'_>) -> Result<ObjectBlob, CustodyError> {
    let length = reader.u16()?;
    let public = reader.slice(usize::from(length))?.to_vec();
    Ok(ObjectBlob { public, private: reader.rest().to_vec() })
}

fn administrator(mut reader: Reader<'_>) -> Result<AdministratorKey, CustodyError> {
    let x = reader.array()?;
    Ok(AdministratorKey { x, y: whole(reader)? })
}

fn branch(mut reader: Reader<'_>) -> Result<Branch, CustodyError> {
    let epoch = match reader.u8()? {
        0 => None,
        1 => {
            let (index, name) = (reader.u32()?, reader.array()?);
            Some(Epoch { index, name, value: reader.u64()? })
        }
        _ => return Err(CustodyError::Damaged),
    };
    let signature = match reader.u8()? {
        0 => None,
        1 => Some(reader.array()?),
        _ => return Err(CustodyError::Damaged),
    };
    Ok(Branch { state: state(reader)?, epoch, signature })
}

fn state(mut reader: Reader<'_>) -> Result<PcrState, CustodyError> {
    let banks: Result<Vec<_>, CustodyError> = (0..reader.u8()?)
        .map(|_| Ok((HashAlgorithm(reader.u16()?), PcrMask::from_bytes(reader.array()?))))
        .collect();
    let selection = match banks?.as_slice() {
        [] => PcrSelection::nothing(),
        banks => PcrSelection::new(banks).map_err(|_| CustodyError::Damaged)?,
    };
    let mut values = Vec::new();
    for (bank, pcrs) in selection.banks() {
        let length = bank.digest_bytes().ok_or(CustodyError::Damaged)?;
        for _ in pcrs.iter() {
            values.push(reader.slice(length)?.to_vec());
        }
    }
    reader.end()?;
    PcrState::new(selection, values).ok_or(CustodyError::Damaged)
}
