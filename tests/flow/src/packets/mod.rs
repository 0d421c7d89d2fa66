//! Commands that guests send.
//!
//! Sources, by the short names used below: *Part 2*, *Part 3* = TPM 2.0 Library rev 1.59, Parts 2
//! and 3; *1.2 Part 3* = TPM Main Specification level 2 version 1.2 rev 116, Part 3.

pub mod auth12;
pub mod key;
pub mod nv;
pub mod session;
pub mod tpm12;

use tpm_wire::tpm20::Handle;
use tpm_wire::{Header, PacketBuilder, Tag};

/// `TPM_RH_OWNER` (Part 2, 7.4).
pub const OWNER: u32 = 0x4000_0001;
/// `TPM_RH_ENDORSEMENT`.
pub const ENDORSEMENT: u32 = 0x4000_000B;
/// `TPM_RH_NULL`.
pub const NULL: u32 = 0x4000_0007;
/// `TPM_ALG_NULL` (Part 2, 6.3).
pub(crate) const ALG_NULL: u16 = 0x10;

/// The response code of an answer of either family.
///
/// # Panics
/// When it is no packet.
#[must_use]
pub fn response_code(response: &[u8]) -> u32 {
    Header::parse(response).expect("a response packet").0.code
}

/// The first handle in a successful answer.
///
/// # Panics
/// When the answer has none.
#[must_use]
pub fn handle(response: &[u8]) -> u32 {
    assert_eq!(response_code(response), 0, "{response:02x?}");
    u32::from_be_bytes(response[10..14].try_into().expect("four bytes"))
}

/// A TPM 2.0 command without authorisation.
pub fn plain(code: u32) -> PacketBuilder {
    PacketBuilder::new(Tag::NO_SESSIONS, code)
}

/// A TPM 2.0 command on these handles, the first authorised by a session or a password (Part 1,
/// "Authorization Area").
pub fn authorised(code: u32, handles: &[u32], with: &Proof<'_>) -> PacketBuilder {
    let (session, password): (u32, &[u8]) = match with {
        Proof::Password(password) => (Handle::PASSWORD.0, password),
        Proof::Policy(session) => (*session, &[]),
    };
    let length = u32::try_from(password.len()).unwrap_or(u32::MAX).saturating_add(9);
    let head = PacketBuilder::new(Tag::SESSIONS, code);
    let head = handles.iter().fold(head, |packet, handle| packet.u32(*handle));
    head.u32(length).u32(session).sized(&[]).u8(1).sized(password)
}

/// How a handle's use is authorised.
#[derive(Clone, Copy, Debug)]
pub enum Proof<'a> {
    /// Its password in the clear.
    Password(&'a [u8]),
    /// A policy session.
    Policy(u32),
}

/// TPM2_FlushContext (Part 3, 28.4).
#[must_use]
pub fn flush(handle: u32) -> Vec<u8> {
    plain(0x165).u32(handle).finish()
}

/// A structure's bytes, for a `TPM2B` around it.
pub fn structure(fill: impl FnOnce(PacketBuilder) -> PacketBuilder) -> Vec<u8> {
    fill(PacketBuilder::new(Tag(0), 0)).finish().split_off(tpm_wire::HEADER_BYTES)
}
