//! Non-volatile memory of a TPM 2.0.

use super::{OWNER, Proof, authorised, structure};
use tpm_wire::tpm20::HashAlgorithm;

/// The owner and whoever knows the index's (empty) password may read and write; failures do not
/// count (Part 2, 13.4 `TPMA_NV`).
const ATTRIBUTES: u32 = (1 << 1) | (1 << 2) | (1 << 17) | (1 << 18) | (1 << 25);
const EMPTY: Proof<'static> = Proof::Password(&[]);

/// TPM2_NV_DefineSpace of an ordinary index of `bytes` bytes (Part 3, 31.3).
#[must_use]
pub fn define(index: u32, bytes: u16) -> Vec<u8> {
    define_with(ATTRIBUTES, index, bytes)
}

/// TPM2_NV_DefineSpace of an index with these attributes (Part 2, 13.4 `TPMA_NV`).
#[must_use]
pub fn define_with(attributes: u32, index: u32, bytes: u16) -> Vec<u8> {
    let public = structure(|public| {
        let head = public.u32(index).u16(HashAlgorithm::SHA256.0).u32(attributes);
        head.sized(&[]).u16(bytes)
    });
    authorised(0x12A, &[OWNER], &EMPTY).sized(&[]).sized(&public).finish()
}

/// TPM2_NV_UndefineSpace (Part 3, 31.4).
#[must_use]
pub fn undefine(index: u32) -> Vec<u8> {
    authorised(0x122, &[OWNER, index], &EMPTY).finish()
}

/// TPM2_NV_Write from offset 0 (Part 3, 31.7).
#[must_use]
pub fn write(index: u32, data: &[u8]) -> Vec<u8> {
    authorised(0x137, &[index, index], &EMPTY).sized(data).u16(0).finish()
}

/// TPM2_NV_DefineSpace of a counter (Part 2, 13.2 `TPM_NT_COUNTER`).
#[must_use]
pub fn define_counter(index: u32) -> Vec<u8> {
    define_with(ATTRIBUTES | (1 << 4), index, 8)
}

/// TPM2_NV_Increment (Part 3, 31.8).
#[must_use]
pub fn increment(index: u32) -> Vec<u8> {
    authorised(0x134, &[index, index], &EMPTY).finish()
}

/// TPM2_NV_Read from offset 0 (Part 3, 31.13).
#[must_use]
pub fn read(index: u32, bytes: u16) -> Vec<u8> {
    authorised(0x14E, &[index, index], &EMPTY).u16(bytes).u16(0).finish()
}

/// TPM2_NV_ReadPublic (Part 3, 31.6).
#[must_use]
pub fn read_public(index: u32) -> Vec<u8> {
    super::plain(0x169).u32(index).finish()
}
