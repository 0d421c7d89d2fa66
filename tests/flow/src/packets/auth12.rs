//! Commands of a TPM 1.2 that prove knowledge of an authorisation (1.2 Part 1, 13; 1.2 Part 3, 18).

use super::tpm12::command;
use super::{response_code, structure};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use tpm_wire::{PacketBuilder, Tag};

/// An authorisation, a nonce or a digest.
pub type Bytes20 = [u8; 20];

/// What owner and storage root key are called in `TPM_OSAP` (1.2 Part 2, 4.3).
pub const OWNER: (u16, u32) = (0x0002, 0x4000_0001);
/// The storage root key.
pub const SRK: (u16, u32) = (0x0004, 0x4000_0000);

/// Not random: nobody listens here.
const NONCE: Bytes20 = [6; 20];
/// No session is used twice.
const END: u8 = 0;

/// A session that authorises one command.
pub struct Session {
    handle: u32,
    nonce_even: Bytes20,
    /// The authorisation itself (OIAP) or a secret made of it (OSAP).
    key: Bytes20,
}

fn bytes20(response: &[u8], at: usize) -> Bytes20 {
    response[at..at + 20].try_into().expect("twenty bytes")
}

fn number(response: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(response[at..at + 4].try_into().expect("four bytes"))
}

fn hmac(key: &Bytes20, parts: &[&[u8]]) -> Bytes20 {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn sha1(parts: &[&[u8]]) -> Bytes20 {
    parts.iter().fold(Sha1::new(), |digest, part| digest.chain_update(part)).finalize().into()
}

/// Proves knowledge of `auth` (TPM_OIAP, 1.2 Part 3, 18.1).
///
/// # Panics
/// When the TPM gives no session.
pub fn independent(send: &mut dyn FnMut(&[u8]) -> Vec<u8>, auth: &Bytes20) -> Session {
    let answer = send(&command(0x0A).finish());
    assert_eq!(response_code(&answer), 0, "TPM_OIAP: {answer:02x?}");
    Session { handle: number(&answer, 10), nonce_even: bytes20(&answer, 14), key: *auth }
}

/// Proves knowledge of the `auth` of an owner or key and can carry a new one (TPM_OSAP, 1.2 Part 3,
/// 18.2).
///
/// # Panics
/// When the TPM gives no session.
pub fn of_object(
    send: &mut dyn FnMut(&[u8]) -> Vec<u8>,
    (kind, handle): (u16, u32),
    auth: &Bytes20,
) -> Session {
    let answer = send(&command(0x0B).u16(kind).u32(handle).bytes(&NONCE).finish());
    assert_eq!(response_code(&answer), 0, "TPM_OSAP: {answer:02x?}");
    let key = hmac(auth, &[&bytes20(&answer, 34), &NONCE]);
    Session { handle: number(&answer, 10), nonce_even: bytes20(&answer, 14), key }
}

impl Session {
    /// A new authorisation as a command carries it (ADIP, 1.2 Part 1, 13.4).
    #[must_use]
    pub fn conceal(&self, auth: &Bytes20) -> Bytes20 {
        let mask = sha1(&[&self.key, &self.nonce_even]);
        std::array::from_fn(|at| auth[at] ^ mask[at])
    }

    /// The command with this authorisation. `handles` are left out of what is authorised.
    #[must_use]
    pub fn command(&self, ordinal: u32, handles: &[u8], parameters: &[u8]) -> Vec<u8> {
        let digest = sha1(&[&ordinal.to_be_bytes(), parameters]);
        let proof = hmac(&self.key, &[&digest, &self.nonce_even, &NONCE, &[END]]);
        PacketBuilder::new(Tag::RQU_AUTH1_COMMAND, ordinal)
            .bytes(handles)
            .bytes(parameters)
            .u32(self.handle)
            .bytes(&NONCE)
            .u8(END)
            .bytes(&proof)
            .finish()
    }
}

/// Who may read and write an index (1.2 Part 2, 19.2 `TPM_NV_ATTRIBUTES`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody reads, who knows the index's authorisation writes.
    ByAuth,
    /// Everybody reads, the owner writes.
    ByOwner,
}

/// The parameters of TPM_NV_DefineSpace (1.2 Part 3, 20.1); `concealed` is the index's authorisation.
/// No bytes remove the index.
#[must_use]
pub fn nv_define(index: u32, access: Access, bytes: u32, concealed: &Bytes20) -> Vec<u8> {
    const DATA_PUBLIC: u16 = 0x0018;
    const ATTRIBUTES: u16 = 0x0017;
    const ANY_LOCALITY: u8 = 0x1F;
    let no_pcrs =
        |packet: PacketBuilder| packet.u16(3).bytes(&[0; 3]).u8(ANY_LOCALITY).bytes(&[0; 20]);
    let permission = match access {
        Access::ByAuth => 1 << 2,
        Access::ByOwner => 1 << 1,
    };
    structure(|packet| {
        let head = no_pcrs(no_pcrs(packet.u16(DATA_PUBLIC).u32(index)));
        let attributes = head.u16(ATTRIBUTES).u32(permission).bytes(&[0; 3]);
        attributes.u32(bytes).bytes(concealed)
    })
}

/// The parameters of TPM_NV_WriteValue and TPM_NV_WriteValueAuth (1.2 Part 3, 20.2 and 20.3).
#[must_use]
pub fn nv_write(index: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    structure(|packet| packet.u32(index).u32(0).u32(length).bytes(data))
}

/// TPM_NV_ReadValue of an index that everybody may read (1.2 Part 3, 20.4).
#[must_use]
pub fn nv_read(index: u32, bytes: u32) -> Vec<u8> {
    command(0xCF).u32(index).u32(0).u32(bytes).finish()
}

/// The parameters of TPM_CreateCounter (1.2 Part 3, 25.1).
#[must_use]
pub fn create_counter(concealed: &Bytes20, label: [u8; 4]) -> Vec<u8> {
    [&concealed[..], &label].concat()
}

/// TPM_ReadCounter (1.2 Part 3, 25.3).
#[must_use]
pub fn read_counter(counter: u32) -> Vec<u8> {
    command(0xDE).u32(counter).finish()
}

/// The value in an answer of TPM_ReadCounter; `None` when the counter does not exist.
#[must_use]
pub fn counter_value(answer: &[u8]) -> Option<u32> {
    (response_code(answer) == 0).then(|| number(answer, 16))
}
