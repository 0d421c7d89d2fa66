//! The answers to the commands of this crate.

use super::{Capability, HashAlgorithm, Property, ResponseCode};
use crate::builder::PacketBuilder;
use crate::header::Header;
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use alloc::vec::Vec;
use core::fmt;

/// An answer that is not the success that was hoped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseError {
    /// The TPM refused, with this code.
    Refused(ResponseCode),
    /// The answer does not have the form the specification demands.
    Malformed(Malformed),
}

impl From<Malformed> for ResponseError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "the TPM answered {code}"),
            Self::Malformed(malformed) => write!(f, "the TPM's answer is malformed: {malformed}"),
        }
    }
}

/// The whole answer to a command that failed (Part 3, 4.4).
#[must_use]
pub fn error_response(code: ResponseCode) -> Vec<u8> {
    PacketBuilder::new(Tag::NO_SESSIONS, code.0).finish()
}

/// The parameters of a successful answer, whether it has sessions or not.
fn parameters(response: &[u8]) -> Result<Reader<'_>, ResponseError> {
    let (header, body) = Header::parse(response).map_err(|_| Malformed::Short)?;
    if header.code != ResponseCode::SUCCESS.0 {
        return Err(ResponseError::Refused(ResponseCode(header.code)));
    }
    let mut reader = Reader::new(body);
    if header.tag != Tag::SESSIONS {
        return Ok(reader);
    }
    let length = usize::try_from(reader.u32()?).map_err(|_| Malformed::Short)?;
    Ok(Reader::new(reader.bytes(length)?))
}

/// Whether the command succeeded; for answers that carry nothing of interest.
///
/// # Errors
/// [`ResponseError`].
pub fn acknowledged(response: &[u8]) -> Result<(), ResponseError> {
    parameters(response).map(|_| ())
}

/// What TPM2_GetRandom gave; never more than one digest of the TPM's largest hash.
///
/// # Errors
/// [`ResponseError`].
pub fn random_bytes(response: &[u8]) -> Result<&[u8], ResponseError> {
    let mut reader = parameters(response)?;
    let bytes = reader.sized()?;
    reader.end()?;
    Ok(bytes)
}

/// The digest that TPM2_PCR_Read gave for its one PCR; `None` when that bank is not active.
///
/// # Errors
/// [`ResponseError`].
pub fn pcr_digest(response: &[u8]) -> Result<Option<&[u8]>, ResponseError> {
    let mut reader = parameters(response)?;
    let _update_counter = reader.u32()?;
    for _ in 0..reader.u32()? {
        let _selection = selection(&mut reader)?;
    }
    match reader.u32()? {
        0 => Ok(None),
        1 => Ok(Some(reader.sized()?)),
        _ => Err(Malformed::Value.into()),
    }
}

/// Whether TPM2_PCR_Allocate will work from the next reset on.
///
/// # Errors
/// [`ResponseError`].
pub fn pcr_allocated(response: &[u8]) -> Result<bool, ResponseError> {
    Ok(parameters(response)?.u8()? == 1)
}

/// `TPMS_PCR_SELECTION` (Part 2, 10.6.2): a bank and whether any PCR is selected in it.
fn selection(reader: &mut Reader<'_>) -> Result<(HashAlgorithm, bool), Malformed> {
    let bank = HashAlgorithm(reader.u16()?);
    let length = reader.u8()?;
    let bits = reader.bytes(usize::from(length))?;
    Ok((bank, bits.iter().any(|byte| *byte != 0)))
}

/// The list behind a capability's head, after checking that it is the capability asked for.
fn capability(response: &[u8], area: Capability) -> Result<(Reader<'_>, u32), ResponseError> {
    let mut reader = parameters(response)?;
    let _more_data = reader.u8()?;
    if reader.u32()? != area.0 {
        return Err(Malformed::Value.into());
    }
    let count = reader.u32()?;
    Ok((reader, count))
}

/// The banks that hold PCRs, from TPM2_GetCapability([`Capability::PCRS`]).
///
/// # Errors
/// [`ResponseError`].
pub fn active_banks(response: &[u8]) -> Result<Vec<HashAlgorithm>, ResponseError> {
    let (mut reader, count) = capability(response, Capability::PCRS)?;
    let mut banks = Vec::new();
    for _ in 0..count {
        if let (bank, true) = selection(&mut reader)? {
            banks.push(bank);
        }
    }
    Ok(banks)
}

/// The value of one property, from TPM2_GetCapability([`Capability::TPM_PROPERTIES`]); `None` when
/// the TPM does not have it.
///
/// # Errors
/// [`ResponseError`].
pub fn property(response: &[u8], wanted: Property) -> Result<Option<u32>, ResponseError> {
    let (mut reader, count) = capability(response, Capability::TPM_PROPERTIES)?;
    for _ in 0..count {
        let (found, value) = (reader.u32()?, reader.u32()?);
        if found == wanted.0 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
