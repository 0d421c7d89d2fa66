//! Reading PCRs through a session, so that what is read is what the TPM said.

use super::session::{Call, Secrecy, Session};
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::pcr::{PcrMask, PcrSelection, PcrState};
use alloc::vec::Vec;
use tpm_wire::tpm20::{self, Capability, CommandCode, HashAlgorithm, Property};
use tpm_wire::{Malformed, Reader};
use zeroize::Zeroizing;

const STEP: &str = "TPM2_PCR_Read";

/// The first of SHA-256, SHA-384, SHA-512 and SHA-1 that is allocated; SHA-256 when none is, which
/// the reading then refuses by name.
pub(super) fn usual_bank(link: &mut Link<'_, '_>) -> Result<HashAlgorithm, CustodyError> {
    let step = "TPM2_GetCapability";
    let command = tpm20::get_capability(Capability::PCRS, Property(0), 1);
    let response = link.transmit(step, &command)?;
    let active = parse(step, &response.body, |reader| {
        let (_more, _capability, count) = (reader.u8()?, reader.u32()?, reader.u32()?);
        let banks: Result<Vec<_>, _> = (0..count).map(|_| selected(reader)).collect();
        banks
    })?;
    let wanted =
        [HashAlgorithm::SHA256, HashAlgorithm::SHA384, HashAlgorithm::SHA512, HashAlgorithm::SHA1];
    let is_active =
        |bank: &HashAlgorithm| active.iter().any(|(of, pcrs)| of == bank && !pcrs.is_empty());
    Ok(wanted.into_iter().find(is_active).unwrap_or(HashAlgorithm::SHA256))
}

/// One `TPMS_PCR_SELECTION`; PCRs above 23 are cut off.
fn selected(reader: &mut Reader<'_>) -> Result<(HashAlgorithm, PcrMask), Malformed> {
    let bank = HashAlgorithm(reader.u16()?);
    let length = reader.u8()?;
    let mut bits = [0; 3];
    let bytes = reader.bytes(usize::from(length))?;
    bits.iter_mut().zip(bytes).for_each(|(bit, byte)| *bit = *byte);
    Ok((bank, PcrMask::from_bytes(bits)))
}

/// The present values of `selection`.
///
/// # Errors
/// [`CustodyError::NotAllocated`] when the TPM does not give all that was selected.
pub(super) fn read(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    selection: &PcrSelection,
) -> Result<PcrState, CustodyError> {
    let mut values = Vec::new();
    for (bank, pcrs) in selection.banks() {
        let mut left = *pcrs;
        // The TPM gives as many as fit, eight at most, lowest first.
        while !left.is_empty() {
            let (given, digests) = read_some(link, session, *bank, left)?;
            let unasked = !given.without(left).is_empty();
            if given.is_empty() || unasked || digests.len() > given.len() {
                return Err(CustodyError::NotAllocated { bank: *bank, pcrs: left });
            }
            // Some TPMs name all that is allocated and give fewer digests.
            let read: Vec<u32> = given.iter().take(digests.len()).collect();
            if read.is_empty() {
                return Err(CustodyError::NotAllocated { bank: *bank, pcrs: left });
            }
            left = left.without(PcrMask::of(&read));
            values.extend(digests);
        }
    }
    PcrState::new(selection.clone(), values).ok_or(CustodyError::Malformed { step: STEP })
}

fn read_some(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    bank: HashAlgorithm,
    pcrs: PcrMask,
) -> Result<(PcrMask, Vec<Vec<u8>>), CustodyError> {
    let one = PcrSelection::new(&[(bank, pcrs)])?;
    let answer = session
        .exchange(
            link,
            Call {
                step: STEP,
                code: CommandCode::PCR_READ,
                handles: &[],
                parameters: Zeroizing::new(one.marshal()),
                auth: None,
                secrecy: Secrecy::None,
                gives_handle: false,
            },
        )
        // a TPM without the bank's hash refuses its number
        .map_err(|error| {
            error.or_if(&[0x083, super::codes::code::VALUE], || CustodyError::NotAllocated {
                bank,
                pcrs,
            })
        })?;
    parse(STEP, &answer.parameters, |reader| {
        let _update_counter = reader.u32()?;
        let mut given = PcrMask::default();
        for _ in 0..reader.u32()? {
            let (of, bits) = selected(reader)?;
            given = if of == bank { given.with(bits) } else { given };
        }
        let digests: Result<Vec<_>, _> =
            (0..reader.u32()?).map(|_| Ok(reader.sized()?.to_vec())).collect();
        Ok((given, digests?))
    })
}
