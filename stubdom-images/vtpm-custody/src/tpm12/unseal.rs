//! TPM_Unseal.

use super::auth::{Call, authorised, end_sessions, independent};
use super::codes::{SRK, UNSEAL, code};
use super::owner::has_owner;
use super::pcr;
use super::seal::DATA_AUTH;
use crate::access::Access;
use crate::error::CustodyError;
use crate::link::{Link, Platform, parse};
use crate::pcr::{Differences, nearest};
use crate::sealed::{Sealed12, Way12};
use alloc::vec::Vec;
use vtpm_store::Secret;
use zeroize::Zeroizing;

/// The secret, which is not checked against the blob yet.
pub(crate) fn unseal(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed12,
) -> Result<Secret, CustodyError> {
    let mut link = Link::new(platform);
    let result = attempt(&mut link, access, sealed);
    end_sessions(&mut link);
    result
}

fn attempt(
    link: &mut Link<'_, '_>,
    access: &Access,
    sealed: &Sealed12,
) -> Result<Secret, CustodyError> {
    if !has_owner(link)? {
        return Err(CustodyError::OtherTpm);
    }
    let mut differing: Vec<Differences> = Vec::new();
    for way in &sealed.ways {
        let present = pcr::read(link, way.state.selection())?;
        let differences = way.state.differences(&present);
        if differences.is_empty() {
            return release(link, access, way);
        }
        differing.push(differences);
    }
    Err(nearest(differing).map_or(CustodyError::Damaged, CustodyError::PcrsChanged))
}

/// Whether this TPM says of every way that it is not its own, whatever the PCRs are.
pub(crate) fn is_of_another_tpm(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed12,
) -> bool {
    let mut link = Link::new(platform);
    let is_foreign = |way| matches!(release(&mut link, access, way), Err(CustodyError::OtherTpm));
    let result = sealed.ways.iter().all(is_foreign);
    end_sessions(&mut link);
    result
}

fn release(link: &mut Link<'_, '_>, access: &Access, way: &Way12) -> Result<Secret, CustodyError> {
    let step = "TPM_Unseal";
    let parent = independent(link, access.srk_auth.bytes())?;
    let data = independent(link, &DATA_AUTH)?;
    let call = Call { step, ordinal: UNSEAL, handles: &SRK.to_be_bytes(), parameters: &way.stored };
    let answer =
        authorised(link, &call, &[&parent, &data]).map_err(|error| refusal(error, step))?;
    let bytes = parse(step, &answer, |reader| {
        let _length = reader.u32()?;
        Ok(Zeroizing::new(reader.array::<32>()?))
    })?;
    Ok(Secret::new(*bytes))
}

fn refusal(error: CustodyError, step: &'static str) -> CustodyError {
    let said = error.code().unwrap_or_default();
    // what another TPM's seal, or a damaged one, looks like to this TPM
    let foreign = [
        code::NOT_SEALED_BLOB,
        code::DECRYPT_ERROR,
        code::AUTH2_FAIL,
        code::NO_SRK,
        code::BAD_PARAMETER,
    ];
    error
        .or_if(&[code::AUTH_FAIL], || CustodyError::ParentAuth)
        .or_if(&[code::WRONG_PCR], || CustodyError::PolicyFailed { step, code: said })
        .or_if(&[code::BAD_LOCALITY], || CustodyError::OtherLocality)
        .or_if(&foreign, || CustodyError::OtherTpm)
}
