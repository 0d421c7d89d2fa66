//! An NV index of a TPM 2.0 that keeps eight bytes: something that a state must not lose.

use tpm_wire::tpm20::{self, CommandCode};
use tpm_wire::{PacketBuilder, Tag};

const OWNER: u32 = 0x4000_0001;
const INDEX: u32 = 0x0180_0001;

/// TPM2_NV_DefineSpace: 8 bytes, AUTHREAD | AUTHWRITE | NO_DA, SHA-256 names.
pub(crate) fn define_index() -> Vec<u8> {
    let public =
        [&INDEX.to_be_bytes()[..], &[0, 0x0b], &0x0204_0004_u32.to_be_bytes(), &[0, 0, 0, 8]];
    tpm20::authorised(CommandCode(0x12a), OWNER, b"").sized(b"").sized(&public.concat()).finish()
}

/// Of TPM2_NV_Write and TPM2_NV_Read, which name the index twice.
fn on_index(code: u32) -> PacketBuilder {
    PacketBuilder::new(Tag::SESSIONS, code)
        .u32(INDEX)
        .u32(INDEX)
        .u32(9)
        .u32(0x4000_0009)
        .bytes(&[0; 5])
}

/// TPM2_NV_Write.
pub(crate) fn write_index(value: u64) -> Vec<u8> {
    on_index(0x137).sized(&value.to_be_bytes()).u16(0).finish()
}

/// TPM2_NV_Read.
pub(crate) fn read_index() -> Vec<u8> {
    on_index(0x14e).u16(8).u16(0).finish()
}

/// What the index holds, by the body of the answer to [`read_index`]: behind the size of the parameters
/// (4 bytes) and that of the data (2).
pub(crate) fn index_value(body: &[u8]) -> u64 {
    u64::from_be_bytes(body[6..14].try_into().unwrap())
}
