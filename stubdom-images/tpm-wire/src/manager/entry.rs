//! One vTPM in a list.

use super::{UuidBytes, u64_of, version, version_byte};
use crate::reader::{Malformed, Reader};
use crate::version::TpmVersion;
use alloc::vec::Vec;

/// Bytes of one entry.
pub const ENTRY_BYTES: usize = 40;

/// No domain has the session: not a valid domain id (Xen public/xen.h, `DOMID_INVALID`).
const NO_DOMAIN: u16 = 0x7FF4;

/// What LIST says about a vTPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its uuid.
    pub uuid: UuidBytes,
    /// Which TPM it is.
    pub version: TpmVersion,
    /// There is saved state.
    pub has_state: bool,
    /// The record's flags: bit 0 may send management ordinals, bit 1 made by a command from
    /// domain 0, bit 2 not served.
    pub flags: u32,
    /// How many saves were kept.
    pub generation: u64,
    /// Its group.
    pub group: u32,
    /// The domain that is attached with this uuid now.
    pub domain: Option<u16>,
}

impl Entry {
    pub(super) fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.uuid);
        into.push(version_byte(self.version));
        into.push(u8::from(self.has_state));
        into.extend_from_slice(&self.domain.unwrap_or(NO_DOMAIN).to_be_bytes());
        into.extend_from_slice(&self.flags.to_be_bytes());
        into.extend_from_slice(&self.generation.to_be_bytes());
        into.extend_from_slice(&self.group.to_be_bytes());
        into.extend_from_slice(&[0; 4]);
    }

    pub(super) fn decode(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (uuid, version) = (from.array()?, version(from)?);
        let has_state = from.u8()? != 0;
        let domain = from.u16()?;
        let domain = (domain != NO_DOMAIN).then_some(domain);
        let (flags, generation, group) = (from.u32()?, u64_of(from)?, from.u32()?);
        let _reserved: [u8; 4] = from.array()?;
        Ok(Self { uuid, version, has_state, flags, generation, group, domain })
    }
}
