//! From content to bytes.

use super::model::{
    Body, Branch, Content, ObjectBlob, Parent, RecordedCounter, Sealed12, Sealed20,
};
use super::{FLAG_FORCED, FLAG_TPM2, FORMAT_VERSION, mac, tag};
use crate::crypto::Wrapped;
use crate::error::CustodyError;
use crate::pcr::PcrState;
use crate::policy::AdministratorKey;
use alloc::vec::Vec;
use vtpm_store::Secret;
use vtpm_store::manager::{LARGEST_SEALED_BYTES, SealedSecret};

struct Writer(Vec<u8>);

impl Writer {
    fn part(&mut self, tag: u8, content: &[u8]) -> Result<(), CustodyError> {
        let length = u16::try_from(content.len()).map_err(|_| CustodyError::TooLarge)?;
        self.0.push(tag);
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(content);
        Ok(())
    }
}

/// The bytes, authenticated under `secret`, which is also what they keep.
///
/// # Errors
/// [`CustodyError::TooLarge`] when the store has no room for them.
pub(crate) fn encode(content: &Content, secret: &Secret) -> Result<SealedSecret, CustodyError> {
    let forced = if content.forced { FLAG_FORCED } else { 0 };
    let flags = forced | if content.lasting.tpm2 { FLAG_TPM2 } else { 0 };
    // the largest there may be, so that a secret in clear is not left behind in outgrown memory
    let mut writer = Writer(Vec::with_capacity(LARGEST_SEALED_BYTES));
    writer.0.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    writer.0.extend_from_slice(&flags.to_le_bytes());
    if let Some(wrapped) = &content.lasting.recovery {
        writer.part(tag::RECOVERY, &recovery(wrapped))?;
    }
    if let Some(recorded) = &content.lasting.counter {
        writer.part(tag::COUNTER, &counter(recorded))?;
    }
    match &content.body {
        Body::Clear(secret) => writer.part(tag::CLEAR_SECRET, secret.bytes())?,
        Body::Tpm12(sealed) => tpm12(&mut writer, sealed)?,
        Body::Tpm20(sealed) => tpm20(&mut writer, sealed)?,
    }
    let mut blob = writer.0;
    let kind = content.kind().number();
    let mac = mac::of(kind, &blob, secret);
    blob.extend_from_slice(&mac);
    if blob.len() > LARGEST_SEALED_BYTES {
        return Err(CustodyError::TooLarge);
    }
    Ok(SealedSecret { kind, blob })
}

fn recovery(wrapped: &Wrapped) -> Vec<u8> {
    [&wrapped.salt[..], &wrapped.tag, &wrapped.text].concat()
}

fn counter(recorded: &RecordedCounter) -> Vec<u8> {
    match recorded {
        RecordedCounter::Index { index, name, id } => [&index.to_le_bytes()[..], name, id].concat(),
        RecordedCounter::Monotonic { handle, label, id } => {
            [&handle.to_le_bytes()[..], label, id].concat()
        }
    }
}

fn tpm12(writer: &mut Writer, sealed: &Sealed12) -> Result<(), CustodyError> {
    sealed.ways.iter().try_for_each(|way| {
        let stored = with_length(&way.stored)?;
        writer.part(tag::WAY_12, &[stored, state(&way.state)].concat())
    })
}

fn tpm20(writer: &mut Writer, sealed: &Sealed20) -> Result<(), CustodyError> {
    let (kind, handle) = match sealed.parent {
        Parent::EccPrimary => (1, 0),
        Parent::RsaPrimary => (2, 0),
        Parent::Persistent(handle) => (3, handle),
    };
    let parent = [&[kind][..], &u32::to_le_bytes(handle), &sealed.parent_name].concat();
    writer.part(tag::PARENT, &parent)?;
    if let Some(name) = &sealed.identity {
        writer.part(tag::IDENTITY, name)?;
    }
    writer.part(tag::STORAGE_KEY, &object(&sealed.storage_key)?)?;
    writer.part(tag::OBJECT, &object(&sealed.object)?)?;
    if let Some(AdministratorKey { x, y }) = &sealed.administrator {
        writer.part(tag::ADMINISTRATOR, &[&x[..], y].concat())?;
    }
    sealed.branches.iter().try_for_each(|way| writer.part(tag::BRANCH, &branch(way)))
}

fn object(object: &ObjectBlob) -> Result<Vec<u8>, CustodyError> {
    Ok([with_length(&object.public)?, object.private.clone()].concat())
}

fn with_length(bytes: &[u8]) -> Result<Vec<u8>, CustodyError> {
    let length = u16::try_from(bytes.len()).map_err(|_| CustodyError::TooLarge)?;
    Ok([&length.to_le_bytes()[..], bytes].concat())
}

fn branch(branch: &Branch) -> Vec<u8> {
    let mut bytes = Vec::new();
    match &branch.epoch {
        None => bytes.push(0),
        Some(epoch) => {
            bytes.push(1);
            bytes.extend_from_slice(&epoch.index.to_le_bytes());
            bytes.extend_from_slice(&epoch.name);
            bytes.extend_from_slice(&epoch.value.to_le_bytes());
        }
    }
    match &branch.signature {
        None => bytes.push(0),
        Some(signature) => {
            bytes.push(1);
            bytes.extend_from_slice(signature);
        }
    }
    bytes.extend_from_slice(&state(&branch.state));
    bytes
}

/// Number of banks; for each its algorithm and bitmap; then all values.
fn state(state: &PcrState) -> Vec<u8> {
    let banks = state.selection().banks();
    let mut bytes = Vec::new();
    bytes.push(u8::try_from(banks.len()).unwrap_or(u8::MAX));
    for (bank, pcrs) in banks {
        bytes.extend_from_slice(&bank.0.to_le_bytes());
        bytes.extend_from_slice(&pcrs.bytes());
    }
    state.values().iter().for_each(|value| bytes.extend_from_slice(value));
    bytes
}
