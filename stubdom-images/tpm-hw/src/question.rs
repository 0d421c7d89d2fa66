//! Asking a TPM of either version what it holds.

use crate::error::HardwareError;
use crate::hardware::HardwareTpm;
use alloc::vec::Vec;
use tpm_wire::tpm12;
use tpm_wire::tpm20::{self, Capability, Property};
use tpm_wire::{Header, Reader, TpmVersion};

/// More than any TPM holds of one kind; a list that claims more is cut.
const MOST_HANDLES: usize = 256;

/// `TPM_CAP_TPM_PROPERTIES` (Part 2, 6.12).
const PROPERTIES: Capability = Capability(6);

/// The handles of a kind; none when the TPM refuses the question. On a TPM 2.0 `kind` is the first
/// handle of a range, on a TPM 1.2 a resource type.
pub(crate) fn handles(
    tpm: &mut dyn HardwareTpm,
    version: TpmVersion,
    kind: u32,
) -> Result<Vec<u32>, HardwareError> {
    let question = match version {
        TpmVersion::Tpm20 => {
            let count = u32::try_from(MOST_HANDLES).unwrap_or(u32::MAX);
            tpm20::get_capability(Capability::HANDLES, Property(kind), count)
        }
        TpmVersion::Tpm12 => tpm12::get_capability(tpm12::Capability::HANDLE, &kind.to_be_bytes()),
    };
    let response = tpm.transmit(&question)?;
    Ok(listed(version, kind, &response).unwrap_or_default())
}

/// The handles in an answer: behind `moreData` and the capability on a TPM 2.0
/// (`TPMS_CAPABILITY_DATA`), behind a length on a TPM 1.2 (`TPM_KEY_HANDLE_LIST`). On a TPM 2.0
/// the list goes on with the next kind of handles, which is left alone.
fn listed(version: TpmVersion, kind: u32, response: &[u8]) -> Option<Vec<u32>> {
    let mut reader = Reader::new(body(response)?);
    let count = match version {
        TpmVersion::Tpm20 => {
            let (_more, _capability) = (reader.u8().ok()?, reader.u32().ok()?);
            usize::try_from(reader.u32().ok()?).ok()?
        }
        TpmVersion::Tpm12 => {
            let _length = reader.u32().ok()?;
            usize::from(reader.u16().ok()?)
        }
    };
    let all = (0..count.min(MOST_HANDLES)).map_while(|_| reader.u32().ok());
    Some(all.filter(|handle| belongs(version, kind, *handle)).collect())
}

/// The upper byte of a TPM 2.0 handle is its type; loaded and saved sessions are listed under
/// their range but may carry the type of a policy session (0x03).
fn belongs(version: TpmVersion, kind: u32, handle: u32) -> bool {
    let types = [kind >> 24, handle >> 24];
    match version {
        TpmVersion::Tpm20 => types[0] == types[1] || types.iter().all(|t| [0x02, 0x03].contains(t)),
        TpmVersion::Tpm12 => true,
    }
}

/// A property that is a number; `None` when the TPM does not tell it.
pub(crate) fn number(
    tpm: &mut dyn HardwareTpm,
    version: TpmVersion,
    property: u32,
) -> Result<Option<u32>, HardwareError> {
    let question = match version {
        TpmVersion::Tpm20 => tpm20::get_capability(PROPERTIES, Property(property), 1),
        TpmVersion::Tpm12 => {
            tpm12::get_capability(tpm12::Capability::PROPERTY, &property.to_be_bytes())
        }
    };
    let response = tpm.transmit(&question)?;
    Ok(told(version, property, &response))
}

fn told(version: TpmVersion, property: u32, response: &[u8]) -> Option<u32> {
    let mut reader = Reader::new(body(response)?);
    match version {
        TpmVersion::Tpm20 => {
            let (_more, _capability) = (reader.u8().ok()?, reader.u32().ok()?);
            let (count, of) = (reader.u32().ok()?, reader.u32().ok()?);
            let value = reader.u32().ok()?;
            (count > 0 && of == property).then_some(value)
        }
        TpmVersion::Tpm12 => {
            let length = reader.u32().ok()?;
            let value = reader.u32().ok()?;
            (length == 4).then_some(value)
        }
    }
}

/// A property of a TPM 1.2 that is a `BOOL`; `None` when the TPM does not tell it.
pub(crate) fn flag(
    tpm: &mut dyn HardwareTpm,
    property: u32,
) -> Result<Option<bool>, HardwareError> {
    let question = tpm12::get_capability(tpm12::Capability::PROPERTY, &property.to_be_bytes());
    let response = tpm.transmit(&question)?;
    let mut reader = Reader::new(body(&response).unwrap_or_default());
    Ok(match (reader.u32(), reader.u8()) {
        (Ok(1), Ok(value)) => Some(value != 0),
        _ => None,
    })
}

/// What follows the header of an answer that is no refusal.
fn body(response: &[u8]) -> Option<&[u8]> {
    let (header, body) = Header::parse(response).ok()?;
    (header.code == 0).then_some(body)
}
