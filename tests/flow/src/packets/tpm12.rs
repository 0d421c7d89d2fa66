//! Commands of a TPM 1.2, in the form in which Linux sends them.

use tpm_wire::tpm12::{Capability, Property, get_capability};
use tpm_wire::{PacketBuilder, Tag};

/// A command without authorisation.
pub fn command(ordinal: u32) -> PacketBuilder {
    PacketBuilder::new(Tag::RQU_COMMAND, ordinal)
}

/// TPM_GetCapability of one property (1.2 Part 3, 7.1).
#[must_use]
pub fn get_property(property: Property) -> Vec<u8> {
    get_capability(Capability::PROPERTY, &property.0.to_be_bytes())
}

/// TPM_GetRandom (1.2 Part 3, 13.6).
#[must_use]
pub fn get_random(bytes: u32) -> Vec<u8> {
    command(0x46).u32(bytes).finish()
}

/// TPM_PCRRead (1.2 Part 3, 16.2).
#[must_use]
pub fn pcr_read(pcr: u32) -> Vec<u8> {
    command(0x15).u32(pcr).finish()
}

/// TPM_Extend (1.2 Part 3, 16.1).
#[must_use]
pub fn extend(pcr: u32, digest: &[u8; 20]) -> Vec<u8> {
    command(0x14).u32(pcr).bytes(digest).finish()
}
