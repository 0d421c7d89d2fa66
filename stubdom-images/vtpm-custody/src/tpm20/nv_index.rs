//! The NV index of a counter: its public area, whether it is there, making and removing it.

use super::codes::{NV_DEFINE_SPACE, NV_READ, NV_READ_PUBLIC, NV_UNDEFINE_SPACE, OWNER, code};
use super::public::name_of;
use super::session::{Call, Secrecy, Session};
use crate::access::Access;
use crate::bytes::Bytes;
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::sealed::Name;
use alloc::vec::Vec;
use tpm_wire::tpm20::{self, HashAlgorithm};
use zeroize::Zeroizing;

/// Attributes (Part 2, 13.4 `TPMA_NV`): a counter, advanced with its own authorisation, read with
/// it or with the owner's.
const ATTRIBUTES: u32 = AUTH_WRITE | COUNTER | OWNER_READ | AUTH_READ | NO_DA;
const AUTH_WRITE: u32 = 1 << 2;
const COUNTER: u32 = 1 << 4;
const OWNER_READ: u32 = 1 << 17;
const AUTH_READ: u32 = 1 << 18;
const NO_DA: u32 = 1 << 25;
/// Set by the TPM with the first increment.
const WRITTEN: u32 = 1 << 29;

/// What is at an NV index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Nothing.
    Nothing,
    /// A counter like ours that was never advanced: its making was cut short.
    Unwritten,
    /// A counter like ours.
    Counter,
    /// Something else.
    Other,
}

/// `TPMS_NV_PUBLIC` of our counter.
fn public(index: u32, attributes: u32) -> Zeroizing<Vec<u8>> {
    let (policy, size) = (0, 8);
    let start = Bytes::new().u32(index).u16(HashAlgorithm::SHA256.0);
    start.u32(attributes).u16(policy).u16(size).finish()
}

/// The Name of a counter that was never advanced.
pub(super) fn fresh_name(index: u32) -> Name {
    name_of(&public(index, ATTRIBUTES))
}

/// The Name of a counter in use.
pub(super) fn written_name(index: u32) -> Name {
    name_of(&public(index, ATTRIBUTES | WRITTEN))
}

/// Looks. Nothing authenticates this answer; the Names in later commands do.
pub(super) fn look(link: &mut Link<'_, '_>, index: u32) -> Result<At, CustodyError> {
    let step = "TPM2_NV_ReadPublic";
    let found = match link.plain(step, NV_READ_PUBLIC, &index.to_be_bytes()) {
        Ok(response) => parse(step, &response.body, |reader| Ok(reader.sized()?.to_vec()))?,
        Err(error) => return error.nothing_if(&[code::HANDLE]).map(|()| At::Nothing),
    };
    let is = |attributes| found == *public(index, attributes);
    Ok(match (is(ATTRIBUTES), is(ATTRIBUTES | WRITTEN)) {
        (true, _) => At::Unwritten,
        (_, true) => At::Counter,
        _ => At::Other,
    })
}

/// Makes the index with this authorisation.
pub(super) fn define(
    link: &mut Link<'_, '_>,
    access: &Access,
    session: &mut Session,
    (index, auth): (u32, &[u8]),
) -> Result<(), CustodyError> {
    let step = "TPM2_NV_DefineSpace";
    let content = Bytes::new().sized(auth).sized(&public(index, ATTRIBUTES));
    let call = Call {
        step,
        code: NV_DEFINE_SPACE,
        handles: &[(OWNER, &OWNER.to_be_bytes())],
        parameters: content.finish(),
        auth: Some(access.owner_password()),
        secrecy: Secrecy::Command,
        gives_handle: false,
    };
    let result = session.exchange(link, call).map_err(|error| {
        error
            .or_if(&[code::NV_DEFINED], || CustodyError::CounterExists(index))
            .or_if(&[code::NV_SPACE], || CustodyError::SlotsFull { step, code: code::NV_SPACE })
            .or_if(&[code::BAD_AUTH, code::AUTH_FAIL], || CustodyError::OwnerAuth)
    });
    result.map(|_| ())
}

/// Removes whatever is at the index and was made by the owner.
pub(super) fn undefine(
    link: &mut Link<'_, '_>,
    access: &Access,
    session: &mut Session,
    index: u32,
) -> Result<(), CustodyError> {
    let step = "TPM2_NV_ReadPublic";
    let response = link.plain(step, NV_READ_PUBLIC, &index.to_be_bytes())?;
    let name = parse(step, &response.body, |reader| {
        let _public = reader.sized()?;
        Ok(reader.sized()?.to_vec())
    })?;
    let call = Call {
        step: "TPM2_NV_UndefineSpace",
        code: NV_UNDEFINE_SPACE,
        handles: &[(OWNER, &OWNER.to_be_bytes()), (index, &name)],
        parameters: Zeroizing::new(Vec::new()),
        auth: Some(access.owner_password()),
        secrecy: Secrecy::None,
        gives_handle: false,
    };
    let result = session.exchange(link, call).map_err(|error| {
        error.or_if(&[code::BAD_AUTH, code::AUTH_FAIL], || CustodyError::OwnerAuth)
    });
    result.map(|_| ())
}

/// What a counter like ours says when the owner, without authorisation, asks: for people, since
/// nothing authenticates it. `None` when the owner may not.
pub(super) fn owners_view(
    link: &mut Link<'_, '_>,
    access: &Access,
    index: u32,
) -> Result<Option<u64>, CustodyError> {
    let step = "TPM2_NV_Read";
    if !access.owner_password().is_empty() {
        return Ok(None);
    }
    let password = tpm20::authorised(NV_READ, OWNER, &[]).finish();
    let Some((_, area)) = password.split_at_checked(14) else {
        return Err(CustodyError::Malformed { step });
    };
    let (size, offset) = (8_u16, 0_u16);
    let content = Bytes::new().u32(OWNER).u32(index).bytes(area).u16(size).u16(offset).finish();
    let command =
        tpm_wire::PacketBuilder::new(tpm_wire::Tag::SESSIONS, NV_READ.0).bytes(&content).finish();
    match link.transmit(step, &command) {
        Ok(response) => {
            let answer = response.behind_password(step, 0)?;
            parse(step, &answer, |reader| {
                let (_length, bytes) = (reader.u16()?, reader.array()?);
                Ok(Some(u64::from_be_bytes(bytes)))
            })
        }
        Err(error) => error.nothing_if(&[code::BAD_AUTH, code::AUTH_FAIL]).map(|()| None),
    }
}
