//! A counter in the TPM that only goes forward: an NV index (Part 2, 13; Part 3, 31).
//!
//! Not orderly, since an orderly one jumps after a power cut, and exempt from dictionary attack
//! protection. Its authorisation is derived from the store's secret and the counter's own random
//! name, so that nobody else advances it and no other counter of the same store passes for it, and every command goes through one salted session that stays open.

use super::codes::{NV_INCREMENT, NV_READ, OWNER, code};
use super::nv_index::{self, At, fresh_name, written_name};
use super::parent::{choose, open};
use super::session::{Call, Secrecy, Session, SessionKind};
use super::unseal::recorded_parent;
use crate::access::Access;
use crate::counters::{Former, Leftover};
use crate::crypto::derive;
use crate::error::CustodyError;
use crate::link::{Link, Platform, parse};
use crate::sealed::{CounterId, Name, RecordedCounter, Sealed20};
use alloc::vec::Vec;
use tpm_wire::tpm20::CommandCode;
use vtpm_store::Secret;
use zeroize::Zeroizing;

/// Separates this use of the secret from all others.
const PURPOSE: &[u8] = b"xen-vtpmmgr counter 1";

/// A counter in a TPM 2.0, with its own open session. Good until an answer is not authentic or the
/// TPM restarts.
pub struct NvCounter {
    session: Session,
    index: u32,
    id: CounterId,
    auth: Zeroizing<[u8; 32]>,
}

impl NvCounter {
    /// What the sealed secret keeps of it.
    pub(crate) fn recorded(&self) -> RecordedCounter {
        let Self { index, id, .. } = *self;
        RecordedCounter::Index { index, name: written_name(index), id }
    }
}

/// Makes the counter and advances it once. Its first value is the TPM's choice.
pub(crate) fn define(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
    (index, id, former): (u32, CounterId, Former),
) -> Result<(NvCounter, u64), CustodyError> {
    let mut link = Link::new(platform);
    let mut attempt = || {
        let there = nv_index::look(&mut link, index)?;
        let mut counter = connect(&mut link, access, sealed, secret, (index, id))?;
        match (there, former) {
            (At::Nothing, _) => {}
            (At::Unwritten, _) | (_, Former::Remove) => {
                nv_index::undefine(&mut link, access, &mut counter.session, index)?;
            }
            (At::Counter | At::Other, Former::Keep) => {
                return Err(CustodyError::CounterExists(index));
            }
        }
        let auth: (u32, &[u8]) = (index, counter.auth.as_ref());
        nv_index::define(&mut link, access, &mut counter.session, auth)?;
        let fresh = fresh_name(index);
        call(&mut link, &mut counter, "TPM2_NV_Increment", NV_INCREMENT, &fresh, &[])?;
        let value = value(&mut link, &mut counter)?;
        link.forget(counter.session.handle);
        Ok((counter, value))
    };
    let result = attempt();
    link.flush_loaded();
    result
}

/// Opens the counter on record, or looks whether there is one at the usual index, which is a stranger
/// then. `None` where none was ever made, or its making was cut short.
pub(crate) fn find(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
    (usual, recorded): (u32, Option<&RecordedCounter>),
) -> Result<Option<(NvCounter, u64)>, CustodyError> {
    let index = match recorded.map(RecordedCounter::index) {
        None => usual,
        Some(Some((index, name))) if *name == written_name(index) => index,
        Some(_) => return Err(CustodyError::Damaged),
    };
    let id = recorded.map(RecordedCounter::id).unwrap_or_default();
    let mut link = Link::new(platform);
    let mut attempt = || {
        match (nv_index::look(&mut link, index)?, recorded) {
            (At::Counter, _) => {}
            (At::Nothing | At::Unwritten, None) => return Ok(None),
            (At::Nothing, Some(_)) => return Err(CustodyError::NoCounter(index)),
            (At::Unwritten | At::Other, _) => return Err(CustodyError::ForeignCounter(index)),
        }
        let mut counter = connect(&mut link, access, sealed, secret, (index, id))?;
        let value = value(&mut link, &mut counter)?;
        link.forget(counter.session.handle);
        Ok(Some((counter, value)))
    };
    let result = attempt();
    link.flush_loaded();
    result
}

/// A counter in the usual place whose store is not at hand.
pub(crate) fn leftover(
    platform: &mut Platform<'_>,
    access: &Access,
    index: u32,
) -> Result<Option<Leftover>, CustodyError> {
    let mut link = Link::new(platform);
    let mut attempt = || match nv_index::look(&mut link, index)? {
        At::Nothing | At::Unwritten => Ok(None),
        At::Other => Ok(Some(Leftover { value: None })),
        At::Counter => {
            let value = if access.owner_password().is_empty() {
                nv_index::owners_view(&mut link, access, index)?
            } else {
                by_owner(&mut link, access, index)?
            };
            Ok(Some(Leftover { value }))
        }
    };
    let result = attempt();
    link.flush_loaded();
    result
}

/// What a counter says when its owner asks, whose authorisation stays off the bus. `None` when it is
/// not the one given: whoever cannot read the counter cannot remove it either.
fn by_owner(
    link: &mut Link<'_, '_>,
    access: &Access,
    index: u32,
) -> Result<Option<u64>, CustodyError> {
    let parent = match choose(link, access).and_then(|which| open(link, access, which)) {
        Err(CustodyError::OwnerAuth) => return Ok(None),
        other => other?,
    };
    let mut session = parent.session(link, SessionKind::Hmac)?;
    parent.leave(link)?;
    let name = written_name(index);
    let call = Call {
        step: "TPM2_NV_Read",
        code: NV_READ,
        handles: &[(OWNER, &OWNER.to_be_bytes()), (index, &name)],
        parameters: Zeroizing::new([[0, 8], [0, 0]].concat()),
        auth: Some(access.owner_password()),
        secrecy: Secrecy::None,
        gives_handle: false,
    };
    match session.exchange(link, call) {
        Ok(answer) => counter_in(&answer.parameters).map(Some),
        Err(error) => error.nothing_if(&[code::BAD_AUTH, code::AUTH_FAIL]).map(|()| None),
    }
}

/// Advances the counter by one and reads it back.
pub(crate) fn increment(
    platform: &mut Platform<'_>,
    counter: &mut NvCounter,
) -> Result<u64, CustodyError> {
    let mut link = Link::new(platform);
    let written = written_name(counter.index);
    call(&mut link, counter, "TPM2_NV_Increment", NV_INCREMENT, &written, &[])?;
    value(&mut link, counter)
}

/// Reads the counter.
pub(crate) fn read(
    platform: &mut Platform<'_>,
    counter: &mut NvCounter,
) -> Result<u64, CustodyError> {
    value(&mut Link::new(platform), counter)
}

/// Ends the counter's session; one that is gone already is no loss.
pub(crate) fn close(platform: &mut Platform<'_>, counter: NvCounter) {
    let mut link = Link::new(platform);
    if let Err(error) = link.flush(counter.session.handle) {
        log::debug!("hardware TPM: the counter's former session: {error}");
    }
}

fn connect(
    link: &mut Link<'_, '_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
    (index, id): (u32, CounterId),
) -> Result<NvCounter, CustodyError> {
    let parent = recorded_parent(link, access, sealed)?;
    let session = parent.session(link, SessionKind::Hmac)?;
    parent.leave(link)?;
    let purpose = [PURPOSE, &index.to_be_bytes(), &id].concat();
    let auth = derive(None, secret.bytes(), &purpose);
    Ok(NvCounter { session, index, id, auth })
}

fn value(link: &mut Link<'_, '_>, counter: &mut NvCounter) -> Result<u64, CustodyError> {
    let step = "TPM2_NV_Read";
    let written = written_name(counter.index);
    let (size, offset) = ([0, 8], [0, 0]);
    let parameters = [size, offset].concat();
    let answer = call(link, counter, step, NV_READ, &written, &parameters)?;
    counter_in(&answer)
}

fn counter_in(answer: &[u8]) -> Result<u64, CustodyError> {
    parse("TPM2_NV_Read", answer, |reader| {
        let (_length, bytes) = (reader.u16()?, reader.array()?);
        reader.end()?;
        Ok(u64::from_be_bytes(bytes))
    })
}

/// A command that the index itself authorises.
fn call(
    link: &mut Link<'_, '_>,
    counter: &mut NvCounter,
    step: &'static str,
    code: CommandCode,
    name: &Name,
    parameters: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
    let index = counter.index;
    let call = Call {
        step,
        code,
        handles: &[(index, name), (index, name)],
        parameters: Zeroizing::new(parameters.to_vec()),
        auth: Some(counter.auth.as_ref()),
        secrecy: Secrecy::None,
        gives_handle: false,
    };
    let foreign = [code::AUTH_FAIL, code::BAD_AUTH];
    let answer = counter.session.exchange(link, call).map_err(|error| {
        error
            .or_if(&foreign, || CustodyError::ForeignCounter(index))
            .or_if(&[code::HANDLE], || CustodyError::NoCounter(index))
    })?;
    Ok(answer.parameters)
}
