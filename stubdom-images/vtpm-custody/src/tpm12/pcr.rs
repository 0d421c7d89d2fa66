//! PCRs of a TPM 1.2 and the seal's conditions on them.

use crate::bytes::Bytes;
use crate::crypto::sha1;
use crate::error::CustodyError;
use crate::link::{Link, Platform, parse};
use crate::pcr::{PcrMask, PcrSelection, PcrState, SelectionError};
use alloc::vec::Vec;
use tpm_hw::Locality;
use tpm_wire::tpm12::Ordinal;
use tpm_wire::tpm20::HashAlgorithm;
use tpm_wire::{PacketBuilder, Tag};

/// The present values, for an administrator to look at.
pub(crate) fn present(
    platform: &mut Platform<'_>,
    selection: &PcrSelection,
) -> Result<PcrState, CustodyError> {
    read(&mut Link::new(platform), selection)
}

/// The present values. Nothing authenticates them: TPM_Unseal judges, this only helps to say what
/// differs.
pub(super) fn read(
    link: &mut Link<'_, '_>,
    selection: &PcrSelection,
) -> Result<PcrState, CustodyError> {
    let pcrs = only_bank(selection)?;
    let values: Result<Vec<_>, CustodyError> = pcrs.iter().map(|pcr| read_one(link, pcr)).collect();
    let state = PcrState::new(selection.clone(), values?);
    state.ok_or(CustodyError::Malformed { step: "TPM_PcrRead" })
}

fn read_one(link: &mut Link<'_, '_>, pcr: u32) -> Result<Vec<u8>, CustodyError> {
    let step = "TPM_PcrRead";
    let command = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::PCR_READ.0).u32(pcr).finish();
    let response = link.transmit(step, &command).map_err(|error| {
        // TPM_BADINDEX: a TPM with 16 PCRs
        error.or_if(&[2], || CustodyError::NotAllocated {
            bank: HashAlgorithm::SHA1,
            pcrs: PcrMask::of(&[pcr]),
        })
    })?;
    parse(step, &response.body, |reader| Ok(reader.array::<20>()?.to_vec()))
}

fn only_bank(selection: &PcrSelection) -> Result<PcrMask, CustodyError> {
    match selection.banks() {
        [] => Ok(PcrMask::default()),
        [(HashAlgorithm::SHA1, pcrs)] => Ok(*pcrs),
        _ => Err(SelectionError::OnlySha1.into()),
    }
}

/// `TPM_PCR_INFO_LONG` (1.2 Part 2, 8.2): released to this locality and this state. The state at
/// creation is the TPM's to fill in.
pub(super) fn conditions(locality: Locality, state: &PcrState) -> Result<Vec<u8>, CustodyError> {
    const TAG_PCR_INFO_LONG: u16 = 0x0006;
    let localities = 1 << locality.number();
    let bits = only_bank(state.selection())?.bytes();
    let values = state.values().concat();
    let composite = Bytes::new().sized(&bits).sized32(&values).finish();
    let info = Bytes::new()
        .u16(TAG_PCR_INFO_LONG)
        .u8(localities)
        .u8(localities)
        .sized(&bits)
        .sized(&bits)
        .bytes(&[0; 20])
        .bytes(&sha1(&[&composite]));
    Ok(info.finish().to_vec())
}
