//! Ownership: a TPM 1.2 has a storage root key only once it has an owner.

use super::auth::{Bytes20, Call, authorised, independent};
use super::codes::{PROTOCOL_OWNER, TAKE_OWNERSHIP, code};
use crate::access::Access;
use crate::bytes::Bytes;
use crate::crypto::{Digest160, encrypt_oaep, same, sha1};
use crate::error::CustodyError;
use crate::link::{Link, parse};
use alloc::vec::Vec;
use tpm_wire::tpm12::{self, Capability, Property};

/// Label of the padding of authorisations (1.2 Part 1, 31.1.1).
const LABEL: &[u8] = b"TCPA";

/// `TPM_KEY` of the storage root key to be made: version 1.1, storage, authorisation always asked
/// for, RSA-2048 with OAEP and the usual exponent, no PCRs (1.2 Part 2, 10.2).
fn srk_template() -> Vec<u8> {
    const STORAGE: u16 = 0x0011;
    const AUTH_ALWAYS: u8 = 1;
    const RSA: u32 = 1;
    const OAEP: u16 = 3;
    const NO_SIGNING: u16 = 1;
    let parameters = Bytes::new().u32(2048).u32(2).u32(0).finish();
    Bytes::new()
        .bytes(&[1, 1, 0, 0])
        .u16(STORAGE)
        .u32(0)
        .u8(AUTH_ALWAYS)
        .u32(RSA)
        .u16(OAEP)
        .u16(NO_SIGNING)
        .sized32(&parameters)
        .u32(0)
        .u32(0)
        .u32(0)
        .finish()
        .to_vec()
}

pub(super) fn has_owner(link: &mut Link<'_, '_>) -> Result<bool, CustodyError> {
    let step = "TPM_GetCapability";
    let owner = Property::OWNER.0.to_be_bytes();
    let command = tpm12::get_capability(Capability::PROPERTY, &owner);
    let response = link.transmit(step, &command)?;
    parse(step, &response.body, |reader| Ok(reader.u32()? == 1 && reader.u8()? == 1))
}

/// Takes ownership where there is none, with the authorisations that were given.
pub(super) fn ensure_owner(link: &mut Link<'_, '_>, access: &Access) -> Result<(), CustodyError> {
    if has_owner(link)? {
        return Ok(());
    }
    let modulus = endorsement_key(link)?;
    let owner = encrypted(link, &modulus, access.owner_auth.bytes())?;
    let srk = encrypted(link, &modulus, access.srk_auth.bytes())?;
    let parameters = Bytes::new()
        .u16(PROTOCOL_OWNER)
        .sized32(&owner)
        .sized32(&srk)
        .bytes(&srk_template())
        .finish();
    let session = independent(link, access.owner_auth.bytes())?;
    let call = Call {
        step: "TPM_TakeOwnership",
        ordinal: TAKE_OWNERSHIP,
        handles: &[],
        parameters: &parameters,
    };
    authorised(link, &call, &[&session])?;
    log::info!("hardware TPM: it had no owner; the manager has taken ownership");
    Ok(())
}

fn encrypted(
    link: &mut Link<'_, '_>,
    modulus: &[u8],
    auth: &Bytes20,
) -> Result<Vec<u8>, CustodyError> {
    encrypt_oaep::<Digest160>(modulus, auth, LABEL, link.entropy())?
        .ok_or(CustodyError::Malformed { step: "TPM_ReadPubek" })
}

/// The endorsement key's modulus; the key is made where there is none.
fn endorsement_key(link: &mut Link<'_, '_>) -> Result<Vec<u8>, CustodyError> {
    let nonce: Bytes20 = link.random()?;
    let missing = |_| CustodyError::NoEndorsementKey;
    let (step, answer) = match link.transmit("TPM_ReadPubek", &tpm12::read_pubek(nonce)) {
        Err(CustodyError::Refused { code: code::NO_ENDORSEMENT, .. }) => {
            let step = "TPM_CreateEndorsementKeyPair";
            let command = tpm12::create_endorsement_key_pair(nonce);
            (step, link.transmit(step, &command).map_err(missing)?)
        }
        Err(CustodyError::Refused { code: code::DISABLED_CMD, .. }) => {
            return Err(CustodyError::NoEndorsementKey);
        }
        other => ("TPM_ReadPubek", other?),
    };
    let (public, checksum) =
        answer.body.split_last_chunk::<20>().ok_or(CustodyError::Malformed { step })?;
    if !same(checksum, &sha1(&[public, &nonce])) {
        return Err(CustodyError::NotAuthentic { step });
    }
    parse(step, public, |reader| {
        let _algorithm_and_schemes: [u8; 8] = reader.array()?;
        let length = reader.u32()?;
        let _parameters = reader.bytes(length.try_into().unwrap_or(usize::MAX))?;
        let length = reader.u32()?;
        Ok(reader.bytes(length.try_into().unwrap_or(usize::MAX))?.to_vec())
    })
}
