//! TPM_Seal, once for each accepted state.

use super::auth::{Bytes20, Call, authorised, end_sessions, of_object};
use super::codes::{ENTITY_SRK, SEAL, SRK, code};
use super::owner::ensure_owner;
use super::pcr;
use crate::access::Access;
use crate::bytes::Bytes;
use crate::error::CustodyError;
use crate::link::{Link, Platform};
use crate::pcr::PcrState;
use crate::policy::Policy;
use crate::sealed::{Sealed12, Way12};
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;
use vtpm_store::Secret;

/// The authorisation of the sealed data: well-known, since PCRs and locality are what guards it.
pub(super) const DATA_AUTH: Bytes20 = [0; 20];

/// The most states to accept, as for a TPM 2.0.
const MOST_WAYS: usize = 8;

/// Seals `secret`, taking ownership first where the TPM has no owner.
pub(crate) fn seal(
    platform: &mut Platform<'_>,
    access: &Access,
    policy: &Policy,
    secret: &Secret,
    beyond_default: bool,
) -> Result<Sealed12, CustodyError> {
    let mut link = Link::new(platform);
    let result = attempt(&mut link, access, policy, secret, beyond_default);
    end_sessions(&mut link);
    result
}

fn attempt(
    link: &mut Link<'_, '_>,
    access: &Access,
    policy: &Policy,
    secret: &Secret,
    beyond_default: bool,
) -> Result<Sealed12, CustodyError> {
    let present = policy.present(HashAlgorithm::SHA1, |of| pcr::read(link, of))?;
    let states = policy.states(present)?;
    if states.len() > MOST_WAYS {
        return Err(CustodyError::TooLarge);
    }
    if !beyond_default && states.iter().any(|state| state.selection().goes_beyond_default()) {
        return Err(CustodyError::NeedsRecoveryKey);
    }
    ensure_owner(link, access)?;
    let ways: Result<Vec<_>, _> =
        states.iter().map(|state| one(link, access, state, secret)).collect();
    Ok(Sealed12 { ways: ways? })
}

fn one(
    link: &mut Link<'_, '_>,
    access: &Access,
    state: &PcrState,
    secret: &Secret,
) -> Result<Way12, CustodyError> {
    let conditions = pcr::conditions(access.locality, state)?;
    let session = of_object(link, (ENTITY_SRK, SRK), access.srk_auth.bytes())?;
    let parameters = Bytes::new()
        .bytes(&session.conceal(&DATA_AUTH))
        .sized32(&conditions)
        .sized32(secret.bytes())
        .finish();
    let call = Call {
        step: "TPM_Seal",
        ordinal: SEAL,
        handles: &SRK.to_be_bytes(),
        parameters: &parameters,
    };
    let stored = authorised(link, &call, &[&session])
        .map_err(|error| error.or_if(&[code::AUTH_FAIL], || CustodyError::ParentAuth))?;
    Ok(Way12 { stored: stored.to_vec(), state: state.clone() })
}
