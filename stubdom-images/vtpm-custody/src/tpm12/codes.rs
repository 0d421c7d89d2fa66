//! Numbers on the wire that only custody needs (1.2 Part 2, 4, 16 and 17).

use tpm_wire::tpm12::Ordinal;

pub(super) const OIAP: Ordinal = Ordinal(0x0A);
pub(super) const OSAP: Ordinal = Ordinal(0x0B);
pub(super) const TAKE_OWNERSHIP: Ordinal = Ordinal(0x0D);
pub(super) const SEAL: Ordinal = Ordinal(0x17);
pub(super) const UNSEAL: Ordinal = Ordinal(0x18);

pub(super) const CREATE_COUNTER: Ordinal = Ordinal(0xDC);
pub(super) const INCREMENT_COUNTER: Ordinal = Ordinal(0xDD);
pub(super) const READ_COUNTER: Ordinal = Ordinal(0xDE);
pub(super) const RELEASE_COUNTER_OWNER: Ordinal = Ordinal(0xE0);

/// The storage root key's handle.
pub(super) const SRK: u32 = 0x4000_0000;
/// `TPM_ET_SRK`.
pub(super) const ENTITY_SRK: u16 = 0x0004;
/// `TPM_ET_OWNER` and its handle.
pub(super) const ENTITY_OWNER: u16 = 0x0002;
pub(super) const OWNER: u32 = 0x4000_0001;
/// `TPM_CAP_HANDLE`, and `TPM_RT_COUNTER` as what it is asked for.
pub(super) const CAPABILITY_HANDLE: u32 = 0x14;
pub(super) const RESOURCE_COUNTER: u32 = 8;
/// `TPM_PID_OWNER`.
pub(super) const PROTOCOL_OWNER: u16 = 0x0005;
/// `TPM_RT_AUTH`.
pub(super) const RESOURCE_AUTH: u32 = 2;

/// Result codes.
pub(super) mod code {
    pub(crate) const AUTH_FAIL: u32 = 0x01;
    pub(crate) const BAD_PARAMETER: u32 = 0x03;
    pub(crate) const DISABLED_CMD: u32 = 0x08;
    pub(crate) const NO_SRK: u32 = 0x12;
    pub(crate) const WRONG_PCR: u32 = 0x18;
    pub(crate) const BAD_COUNTER: u32 = 0x45;
    pub(crate) const AUTH2_FAIL: u32 = 0x1D;
    pub(crate) const DECRYPT_ERROR: u32 = 0x21;
    pub(crate) const NO_ENDORSEMENT: u32 = 0x23;
    pub(crate) const NOT_SEALED_BLOB: u32 = 0x13;
    pub(crate) const BAD_LOCALITY: u32 = 0x3D;
}
