//! Authorisation sessions (1.2 Part 1, 13; 1.2 Part 3, 18).

use super::codes::{OIAP, OSAP, RESOURCE_AUTH};
use crate::bytes::Bytes;
use crate::crypto::{hmac_sha1, same, sha1};
use crate::error::CustodyError;
use crate::link::{Link, parse};
use alloc::vec::Vec;
use tpm_wire::tpm12::Ordinal;
use tpm_wire::{Malformed, PacketBuilder, Reader, Tag};
use zeroize::Zeroizing;

/// An authorisation value, a nonce or a digest.
pub(super) type Bytes20 = [u8; 20];

/// After an answer's parameters, for each session: nonce, continue flag, HMAC.
const ANSWER_BYTES: usize = 20 + 1 + 20;
/// No session is used twice.
const END: u8 = 0;

/// A session that authorises one command.
pub(super) struct Session {
    handle: u32,
    nonce_even: Bytes20,
    /// The authorisation itself (OIAP) or a secret made of it (OSAP).
    key: Zeroizing<Bytes20>,
}

/// Proves knowledge of `auth` (OIAP).
pub(super) fn independent(
    link: &mut Link<'_, '_>,
    auth: &Bytes20,
) -> Result<Session, CustodyError> {
    let step = "TPM_OIAP";
    let command = PacketBuilder::new(Tag::RQU_COMMAND, OIAP.0).finish();
    let response = link.transmit(step, &command)?;
    let (handle, nonce_even) =
        parse(step, &response.body, |reader| Ok((reader.u32()?, reader.array()?)))?;
    link.remember(handle);
    Ok(Session { handle, nonce_even, key: Zeroizing::new(*auth) })
}

/// Proves knowledge of one object's `auth` and can carry a new authorisation (OSAP).
pub(super) fn of_object(
    link: &mut Link<'_, '_>,
    (kind, handle): (u16, u32),
    auth: &Bytes20,
) -> Result<Session, CustodyError> {
    let step = "TPM_OSAP";
    let nonce_odd: Bytes20 = link.random()?;
    let command = PacketBuilder::new(Tag::RQU_COMMAND, OSAP.0)
        .u16(kind)
        .u32(handle)
        .bytes(&nonce_odd)
        .finish();
    let response = link.transmit(step, &command)?;
    let (handle, nonce_even, nonce_even_osap): (u32, Bytes20, Bytes20) =
        parse(step, &response.body, |reader| {
            Ok((reader.u32()?, reader.array()?, reader.array()?))
        })?;
    link.remember(handle);
    let key = Zeroizing::new(hmac_sha1(auth, &[&nonce_even_osap, &nonce_odd]));
    Ok(Session { handle, nonce_even, key })
}

impl Session {
    /// A new authorisation as the command carries it (ADIP).
    pub(super) fn conceal(&self, auth: &Bytes20) -> Bytes20 {
        let mask = sha1(&[self.key.as_ref(), &self.nonce_even]);
        core::array::from_fn(|at| auth[at] ^ mask[at])
    }
}

/// A command with one or two authorisations.
pub(super) struct Call<'a> {
    pub(super) step: &'static str,
    pub(super) ordinal: Ordinal,
    /// Handles, which the HMACs leave out.
    pub(super) handles: &'a [u8],
    pub(super) parameters: &'a [u8],
}

/// Sends the command and verifies its answer's HMACs; all sessions end with it.
pub(super) fn authorised(
    link: &mut Link<'_, '_>,
    call: &Call<'_>,
    sessions: &[&Session],
) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let digest = sha1(&[&call.ordinal.0.to_be_bytes(), call.parameters]);
    let tag = if sessions.len() == 1 { Tag::RQU_AUTH1_COMMAND } else { Tag::RQU_AUTH2_COMMAND };
    let mut content = Bytes::new().bytes(call.handles).bytes(call.parameters);
    let mut nonces = Vec::new();
    for session in sessions {
        let nonce_odd: Bytes20 = link.random()?;
        let parts = [&digest[..], &session.nonce_even, &nonce_odd, &[END]];
        let hmac = hmac_sha1(session.key.as_ref(), &parts);
        content = content.u32(session.handle).bytes(&nonce_odd).u8(END).bytes(&hmac);
        nonces.push(nonce_odd);
    }
    let command = PacketBuilder::new(tag, call.ordinal.0).bytes(&content.finish()).finish();
    let response = link.transmit(call.step, &command)?;
    sessions.iter().for_each(|session| link.forget(session.handle));
    verified(call, sessions, &nonces, &Zeroizing::new(response.body))
}

fn verified(
    call: &Call<'_>,
    sessions: &[&Session],
    nonces: &[Bytes20],
    body: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let step = call.step;
    let length = body.len().checked_sub(ANSWER_BYTES * sessions.len());
    let length = length.ok_or(CustodyError::NotAuthentic { step })?;
    let (parameters, authorisations) =
        body.split_at_checked(length).ok_or(CustodyError::Malformed { step })?;
    let success = [0; 4];
    let digest = sha1(&[&success, &call.ordinal.0.to_be_bytes(), parameters]);
    let mut reader = Reader::new(authorisations);
    for (session, nonce_odd) in sessions.iter().zip(nonces) {
        let (nonce_even, flag, hmac) =
            one(&mut reader).map_err(|_| CustodyError::Malformed { step })?;
        let parts = [&digest[..], &nonce_even, nonce_odd, &[flag]];
        if !same(&hmac, &hmac_sha1(session.key.as_ref(), &parts)) {
            return Err(CustodyError::NotAuthentic { step });
        }
    }
    Ok(Zeroizing::new(parameters.to_vec()))
}

fn one(reader: &mut Reader<'_>) -> Result<(Bytes20, u8, Bytes20), Malformed> {
    Ok((reader.array()?, reader.u8()?, reader.array()?))
}

/// Takes away sessions that no command ended; the TPM has ended those of a refused one itself.
pub(super) fn end_sessions(link: &mut Link<'_, '_>) {
    for handle in link.take_loaded() {
        let command = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::FLUSH_SPECIFIC.0)
            .u32(handle)
            .u32(RESOURCE_AUTH)
            .finish();
        if let Err(error) = link.transmit("TPM_FlushSpecific", &command) {
            log::debug!("hardware TPM: session {handle:#x}: {error}");
        }
    }
}
