//! Taking a policy session along a branch.

use super::codes::{
    LOAD_EXTERNAL, OWNER, POLICY_AUTHORIZE, POLICY_OR, POLICY_PCR, VERIFY_SIGNATURE, code,
};
use super::epoch;
use super::policy::{REFERENCE, branch, of_branch_to_sign};
use super::public::name_of;
use super::session::Session;
use super::template::{ECDSA, administrator};
use crate::access::Access;
use crate::bytes::Bytes;
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::policy::AdministratorKey;
use crate::sealed::{Branch, Sealed20};
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;

/// Codes by which a TPM says that a policy does not hold.
pub(super) const UNFULFILLED: [u32; 4] =
    [code::VALUE, code::POLICY_FAIL, code::PCR_CHANGED, code::POLICY];

pub(super) fn policy_failed(error: CustodyError, step: &'static str) -> CustodyError {
    let said = error.code().unwrap_or_default();
    error.or_if(&UNFULFILLED, || CustodyError::PolicyFailed { step, code: said })
}

/// Asserts everything that this branch asks for in `session`; `vouching` authorises what needs it.
pub(super) fn run(
    link: &mut Link<'_, '_>,
    vouching: &mut Session,
    access: &Access,
    session: &Session,
    sealed: &Sealed20,
    way: &Branch,
) -> Result<(), CustodyError> {
    pcr(link, session, way)?;
    if let Some(epoch) = &way.epoch {
        epoch::assert(link, vouching, access, session, epoch)?;
    }
    if let Some(key) = &sealed.administrator {
        let signature = way.signature.as_ref().ok_or(CustodyError::Damaged)?;
        return authorize(link, session, key, way, signature);
    }
    if sealed.branches.len() > 1 {
        return or(link, session, &sealed.branches);
    }
    Ok(())
}

fn pcr(link: &mut Link<'_, '_>, session: &Session, way: &Branch) -> Result<(), CustodyError> {
    let step = "TPM2_PolicyPCR";
    let selection = way.state.selection().marshal();
    let content = Bytes::new().u32(session.handle).sized(&way.state.digest()).bytes(&selection);
    link.plain(step, POLICY_PCR, &content.finish()).map_err(|error| policy_failed(error, step))?;
    Ok(())
}

fn or(link: &mut Link<'_, '_>, session: &Session, ways: &[Branch]) -> Result<(), CustodyError> {
    let step = "TPM2_PolicyOR";
    let count = u32::try_from(ways.len()).map_err(|_| CustodyError::TooLarge)?;
    let start = Bytes::new().u32(session.handle).u32(count);
    let content = ways.iter().fold(start, |bytes, way| bytes.sized(&branch(way)));
    link.plain(step, POLICY_OR, &content.finish()).map_err(|error| policy_failed(error, step))?;
    Ok(())
}

fn authorize(
    link: &mut Link<'_, '_>,
    session: &Session,
    key: &AdministratorKey,
    way: &Branch,
    signature: &[u8; 64],
) -> Result<(), CustodyError> {
    let step = "TPM2_PolicyAuthorize";
    let ticket = ticket(link, key, way, signature)?;
    let content = Bytes::new()
        .u32(session.handle)
        .sized(&branch(way))
        .sized(REFERENCE)
        .sized(&name_of(&administrator(key)))
        .bytes(&ticket);
    link.plain(step, POLICY_AUTHORIZE, &content.finish())
        .map_err(|error| error.or_if(&[code::TICKET], || CustodyError::BadApproval))
        .map_err(|error| policy_failed(error, step))?;
    Ok(())
}

/// Has the TPM check an approval's signature; its ticket says that it did (`TPMT_TK_VERIFIED`).
pub(super) fn ticket(
    link: &mut Link<'_, '_>,
    key: &AdministratorKey,
    way: &Branch,
    signature: &[u8; 64],
) -> Result<Vec<u8>, CustodyError> {
    let load = Bytes::new().u16(0).sized(&administrator(key)).u32(OWNER).finish();
    let step = "TPM2_LoadExternal";
    let handle = link
        .plain(step, LOAD_EXTERNAL, &load)
        .and_then(|response| response.handle(step))
        // a point that is not on the curve
        .map_err(|error| error.or_if(&[code::BINDING, 0x0A7], || CustodyError::BadApproval))?;
    link.remember(handle);
    let step = "TPM2_VerifySignature";
    let (r, s) = signature.split_at(32);
    let content = Bytes::new()
        .u32(handle)
        .sized(&of_branch_to_sign(way))
        .u16(ECDSA)
        .u16(HashAlgorithm::SHA256.0)
        .sized(r)
        .sized(s);
    let response = link
        .plain(step, VERIFY_SIGNATURE, &content.finish())
        .map_err(|error| error.or_if(&[code::SIGNATURE], || CustodyError::BadApproval))?;
    link.flush(handle)?;
    parse(step, &response.body, |reader| Ok(reader.rest().to_vec()))
}
