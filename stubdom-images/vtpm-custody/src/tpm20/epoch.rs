//! The epoch of the administrator's approvals: a counter in the TPM that every approval names.
//!
//! An approval holds as long as the counter says its number (TPM2_PolicyNV, Part 3, 23.9), so
//! advancing the counter ends all approvals of the number before, also those on copies of the disk.
//! A counter and nothing else: one that is made anew starts above every counter the TPM ever had
//! (Part 3, 31.2), so whoever removes this index and makes his own revives nothing. Its public
//! area is part of the approved policy by the index's Name; its authorisation is derived from the
//! store's secret; the owner may read it, since that is needed before the secret is there.

use super::codes::{NV_INCREMENT, NV_READ, OWNER, POLICY_NV, code};
use super::nv_index::{self, At, fresh_name, written_name};
use super::run::policy_failed;
use super::session::{Call, Secrecy, Session};
use crate::access::Access;
use crate::bytes::Bytes;
use crate::crypto::derive;
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::sealed::{Epoch, Name};
use alloc::vec::Vec;
use tpm_wire::tpm20::CommandCode;
use vtpm_store::Secret;
use zeroize::Zeroizing;

/// The NV index of the approvals' epoch, in the owner's range (TCG Registry of Reserved TPM 2.0
/// Handles 1.1, 2.2).
pub const EPOCH_INDEX: u32 = 0x0180_7675;

/// Separates this use of the secret from all others.
const PURPOSE: &[u8] = b"xen-vtpmmgr epoch 1";

impl Epoch {
    /// The condition that our index says this number.
    pub(crate) fn at(value: u64) -> Self {
        Self { index: EPOCH_INDEX, name: written_name(EPOCH_INDEX), value }
    }
}

/// Whether the epoch is there.
fn presence(link: &mut Link<'_, '_>) -> Result<At, CustodyError> {
    match nv_index::look(link, EPOCH_INDEX)? {
        At::Other => Err(CustodyError::ForeignEpoch(EPOCH_INDEX)),
        found => Ok(found),
    }
}

/// The epoch now, by the owner's right to read; `None` when there is no index.
pub(super) fn current(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    access: &Access,
) -> Result<Option<u64>, CustodyError> {
    if presence(link)? != At::Counter {
        return Ok(None);
    }
    let by_owner =
        Authority { handle: OWNER, name: &OWNER.to_be_bytes(), auth: access.owner_password() };
    read(link, session, &by_owner).map(Some).map_err(owners)
}

/// Makes the index where it is missing, and tells the epoch.
pub(super) fn prepare(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    access: &Access,
    secret: &Secret,
) -> Result<u64, CustodyError> {
    let auth = authorisation(secret);
    let found = presence(link)?;
    if found == At::Nothing {
        nv_index::define(link, access, session, (EPOCH_INDEX, auth.as_ref()))?;
    }
    if found != At::Counter {
        increment(link, session, auth.as_ref(), &fresh_name(EPOCH_INDEX))?;
    }
    read_as_ours(link, session, secret)
}

/// The epoch, told by an index that knows this store's secret, and by no other.
pub(super) fn read_as_ours(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    secret: &Secret,
) -> Result<u64, CustodyError> {
    let (auth, name) = (authorisation(secret), written_name(EPOCH_INDEX));
    let itself = Authority { handle: EPOCH_INDEX, name: &name, auth: auth.as_ref() };
    read(link, session, &itself).map_err(foreign)
}

/// Advances the epoch by one and reads it back.
pub(super) fn raise(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    secret: &Secret,
) -> Result<u64, CustodyError> {
    let auth = authorisation(secret);
    increment(link, session, auth.as_ref(), &written_name(EPOCH_INDEX))?;
    read_as_ours(link, session, secret)
}

/// Asserts in a policy session that the epoch is this one.
pub(super) fn assert(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    access: &Access,
    policy: &Session,
    epoch: &Epoch,
) -> Result<(), CustodyError> {
    let step = "TPM2_PolicyNV";
    let (offset, equal) = (0, 0);
    let operand = Bytes::new().sized(&epoch.value.to_be_bytes()).u16(offset).u16(equal);
    let call = Call {
        step,
        code: POLICY_NV,
        handles: &[
            (OWNER, &OWNER.to_be_bytes()),
            (epoch.index, &epoch.name),
            (policy.handle, &policy.handle.to_be_bytes()),
        ],
        parameters: operand.finish(),
        auth: Some(access.owner_password()),
        secrecy: Secrecy::None,
        gives_handle: false,
    };
    let answer = session.exchange(link, call);
    answer.map(|_| ()).map_err(owners).map_err(|error| policy_failed(error, step))
}

fn authorisation(secret: &Secret) -> Zeroizing<[u8; 32]> {
    derive(None, secret.bytes(), &[PURPOSE, &EPOCH_INDEX.to_be_bytes()].concat())
}

/// By whose right the index is used.
struct Authority<'a> {
    handle: u32,
    name: &'a [u8],
    auth: &'a [u8],
}

fn increment(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    auth: &[u8],
    name: &Name,
) -> Result<(), CustodyError> {
    let itself = Authority { handle: EPOCH_INDEX, name, auth };
    let what = ("TPM2_NV_Increment", NV_INCREMENT);
    use_index(link, session, &itself, name, what, &[]).map(|_| ()).map_err(foreign)
}

fn read(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    by: &Authority<'_>,
) -> Result<u64, CustodyError> {
    let step = "TPM2_NV_Read";
    let name = written_name(EPOCH_INDEX);
    let (size, offset) = ([0, 8], [0, 0]);
    let parameters = [size, offset].concat();
    let answer = use_index(link, session, by, &name, (step, NV_READ), &parameters)?;
    parse(step, &answer, |reader| {
        let (_length, bytes) = (reader.u16()?, reader.array()?);
        reader.end()?;
        Ok(u64::from_be_bytes(bytes))
    })
}

fn use_index(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    by: &Authority<'_>,
    name: &Name,
    (step, code): (&'static str, CommandCode),
    parameters: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let call = Call {
        step,
        code,
        handles: &[(by.handle, by.name), (EPOCH_INDEX, name)],
        parameters: Zeroizing::new(parameters.to_vec()),
        auth: Some(by.auth),
        secrecy: Secrecy::None,
        gives_handle: false,
    };
    Ok(session.exchange(link, call)?.parameters)
}

/// A refused authorisation that was the owner's.
fn owners(error: CustodyError) -> CustodyError {
    error.or_if(&[code::BAD_AUTH, code::AUTH_FAIL], || CustodyError::OwnerAuth)
}

/// A refused authorisation that was the index's.
fn foreign(error: CustodyError) -> CustodyError {
    error.or_if(&[code::BAD_AUTH, code::AUTH_FAIL], || CustodyError::ForeignEpoch(EPOCH_INDEX))
}
