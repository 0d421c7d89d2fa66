//! Commands that guests send and the domain does not.

use tpm_wire::tpm20::{
    Capability, CommandCode, Handle, HashAlgorithm, Property, authorised, get_capability, pcr_read,
};
use tpm_wire::{PacketBuilder, Tag, tpm20};

use crate::rig::Rig;

pub(crate) const OWNER: u32 = 0x4000_0001;
pub(crate) const PLATFORM: u32 = Handle::PLATFORM.0;
const ALG_NULL: u16 = 0x10;

/// TPM2_Clear.
pub(crate) fn clear(authority: u32) -> Vec<u8> {
    authorised(CommandCode(0x126), authority, &[]).finish()
}

/// TPM2_CreatePrimary of a P-256 signing key whose password is protected against guessing.
pub(crate) fn create_signing_key(password: &[u8]) -> Vec<u8> {
    const ALG_ECC: u16 = 0x23;
    const ECDSA: u16 = 0x18;
    const P256: u16 = 3;
    const ATTRIBUTES: u32 = 0x0004_0072;
    let public = PacketBuilder::new(Tag(0), 0)
        .u16(ALG_ECC)
        .u16(HashAlgorithm::SHA256.0)
        .u32(ATTRIBUTES)
        .sized(&[])
        .u16(ALG_NULL)
        .u16(ECDSA)
        .u16(HashAlgorithm::SHA256.0)
        .u16(P256)
        .u16(ALG_NULL)
        .sized(&[])
        .sized(&[])
        .finish();
    let sensitive = PacketBuilder::new(Tag(0), 0).sized(password).sized(&[]).finish();
    authorised(CommandCode(0x131), OWNER, &[])
        .sized(&sensitive[10..])
        .sized(&public[10..])
        .sized(&[])
        .u32(0)
        .finish()
}

/// TPM2_Sign of a fixed digest.
pub(crate) fn sign(key: u32, password: &[u8]) -> Vec<u8> {
    const HASHCHECK: u16 = 0x8024;
    const RH_NULL: u32 = 0x4000_0007;
    let command = authorised(CommandCode(0x15D), key, password).sized(&[7; 32]).u16(ALG_NULL);
    command.u16(HASHCHECK).u32(RH_NULL).sized(&[]).finish()
}

/// TPM2_FlushContext.
pub(crate) fn flush(handle: u32) -> Vec<u8> {
    PacketBuilder::new(Tag::NO_SESSIONS, 0x165).u32(handle).finish()
}

/// One TPM 2.0 property.
pub(crate) fn property(rig: &mut Rig, wanted: Property) -> u32 {
    let command = get_capability(Capability::TPM_PROPERTIES, wanted, 1);
    tpm20::property(&rig.succeed(&command), wanted).unwrap().unwrap()
}

/// One PCR of one bank; `None` when the bank is not active.
pub(crate) fn pcr(rig: &mut Rig, bank: HashAlgorithm, number: u32) -> Option<Vec<u8>> {
    let response = rig.succeed(&pcr_read(bank, number));
    tpm20::pcr_digest(&response).unwrap().map(<[u8]>::to_vec)
}
