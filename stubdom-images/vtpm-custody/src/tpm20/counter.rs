//! A counter in the TPM that only goes forward: an NV index (Part 2, 13; Part 3, 31).
//!
//! Not orderly, since an orderly one jumps after a power cut, and exempt from dictionary attack
//! protection. Its authorisation is derived from the store's secret, so that nobody else advances
//! it, and every command goes through one salted session that stays open.

use super::codes::{NV_DEFINE_SPACE, NV_INCREMENT, NV_READ, NV_READ_PUBLIC, OWNER, code};
use super::public::name_of;
use super::session::{Call, Secrecy, Session, SessionKind};
use super::unseal::recorded_parent;
use crate::access::Access;
use crate::bytes::Bytes;
use crate::crypto::derive;
use crate::error::CustodyError;
use crate::link::{Link, Platform, parse};
use crate::sealed::{Name, Sealed20};
use alloc::vec::Vec;
use tpm_wire::tpm20::{CommandCode, HashAlgorithm};
use vtpm_store::Secret;
use zeroize::Zeroizing;

/// Separates this use of the secret from all others.
const PURPOSE: &[u8] = b"xen-vtpmmgr counter 1";

/// Attributes (Part 2, 13.4 `TPMA_NV`): a counter, read and advanced with its own authorisation.
const ATTRIBUTES: u32 = AUTH_WRITE | COUNTER | AUTH_READ | NO_DA;
const AUTH_WRITE: u32 = 1 << 2;
const COUNTER: u32 = 1 << 4;
const AUTH_READ: u32 = 1 << 18;
const NO_DA: u32 = 1 << 25;
/// Set by the TPM with the first increment.
const WRITTEN: u32 = 1 << 29;

/// A counter in a TPM 2.0, with its own open session. Good until an answer is not authentic or the
/// TPM restarts.
pub struct Counter {
    session: Session,
    index: u32,
    auth: Zeroizing<[u8; 32]>,
}

/// `TPMS_NV_PUBLIC` of our counter.
fn public(index: u32, attributes: u32) -> Zeroizing<Vec<u8>> {
    let (policy, size) = (0, 8);
    let start = Bytes::new().u32(index).u16(HashAlgorithm::SHA256.0);
    start.u32(attributes).u16(policy).u16(size).finish()
}

fn name(index: u32, attributes: u32) -> Name {
    name_of(&public(index, attributes))
}

/// Makes the counter and advances it once. Its first value is the TPM's choice.
pub(crate) fn define(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
    index: u32,
) -> Result<(Counter, u64), CustodyError> {
    let mut link = Link::new(platform);
    let mut attempt = || {
        let mut counter = connect(&mut link, access, sealed, secret, index)?;
        define_index(&mut link, access, &mut counter)?;
        let fresh = name(index, ATTRIBUTES);
        call(&mut link, &mut counter, "TPM2_NV_Increment", NV_INCREMENT, &fresh, &[])?;
        let value = value(&mut link, &mut counter)?;
        link.forget(counter.session.handle);
        Ok((counter, value))
    };
    let result = attempt();
    link.flush_loaded();
    result
}

/// Opens the counter that is there.
pub(crate) fn open(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
    index: u32,
) -> Result<(Counter, u64), CustodyError> {
    let mut link = Link::new(platform);
    let mut attempt = || {
        present(&mut link, index)?;
        let mut counter = connect(&mut link, access, sealed, secret, index)?;
        let value = value(&mut link, &mut counter)?;
        link.forget(counter.session.handle);
        Ok((counter, value))
    };
    let result = attempt();
    link.flush_loaded();
    result
}

/// Advances the counter by one and reads it back.
pub(crate) fn increment(
    platform: &mut Platform<'_>,
    counter: &mut Counter,
) -> Result<u64, CustodyError> {
    let mut link = Link::new(platform);
    let written = name(counter.index, ATTRIBUTES | WRITTEN);
    call(&mut link, counter, "TPM2_NV_Increment", NV_INCREMENT, &written, &[])?;
    value(&mut link, counter)
}

/// Reads the counter.
pub(crate) fn read(
    platform: &mut Platform<'_>,
    counter: &mut Counter,
) -> Result<u64, CustodyError> {
    value(&mut Link::new(platform), counter)
}

fn connect(
    link: &mut Link<'_, '_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
    index: u32,
) -> Result<Counter, CustodyError> {
    let parent = recorded_parent(link, access, sealed)?;
    let session = parent.session(link, SessionKind::Hmac)?;
    parent.leave(link)?;
    let auth = derive(None, secret.bytes(), &[PURPOSE, &index.to_be_bytes()].concat());
    Ok(Counter { session, index, auth })
}

fn define_index(
    link: &mut Link<'_, '_>,
    access: &Access,
    counter: &mut Counter,
) -> Result<(), CustodyError> {
    let step = "TPM2_NV_DefineSpace";
    let index = counter.index;
    let content = Bytes::new().sized(counter.auth.as_ref()).sized(&public(index, ATTRIBUTES));
    let call = Call {
        step,
        code: NV_DEFINE_SPACE,
        handles: &[(OWNER, &OWNER.to_be_bytes())],
        parameters: content.finish(),
        auth: Some(access.owner_password()),
        secrecy: Secrecy::Command,
        gives_handle: false,
    };
    let result = counter.session.exchange(link, call).map_err(|error| {
        error
            .or_if(&[code::NV_DEFINED], || CustodyError::CounterExists(index))
            .or_if(&[code::NV_SPACE], || CustodyError::SlotsFull { step, code: code::NV_SPACE })
            .or_if(&[code::BAD_AUTH, code::AUTH_FAIL], || CustodyError::OwnerAuth)
    });
    result.map(|_| ())
}

/// Whether the index is there and is a counter like ours.
fn present(link: &mut Link<'_, '_>, index: u32) -> Result<(), CustodyError> {
    let step = "TPM2_NV_ReadPublic";
    let response = link
        .plain(step, NV_READ_PUBLIC, &index.to_be_bytes())
        .map_err(|error| error.or_if(&[code::HANDLE], || CustodyError::NoCounter(index)))?;
    let found = parse(step, &response.body, |reader| Ok(reader.sized()?.to_vec()))?;
    let ours = found == *public(index, ATTRIBUTES | WRITTEN);
    if ours { Ok(()) } else { Err(CustodyError::ForeignCounter(index)) }
}

fn value(link: &mut Link<'_, '_>, counter: &mut Counter) -> Result<u64, CustodyError> {
    let step = "TPM2_NV_Read";
    let written = name(counter.index, ATTRIBUTES | WRITTEN);
    let (size, offset) = ([0, 8], [0, 0]);
    let parameters = [size, offset].concat();
    let answer = call(link, counter, step, NV_READ, &written, &parameters)?;
    parse(step, &answer, |reader| {
        let (_length, bytes) = (reader.u16()?, reader.array()?);
        reader.end()?;
        Ok(u64::from_be_bytes(bytes))
    })
}

/// A command that the index itself authorises.
fn call(
    link: &mut Link<'_, '_>,
    counter: &mut Counter,
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
