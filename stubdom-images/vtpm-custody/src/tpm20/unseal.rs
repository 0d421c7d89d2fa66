//! From the sealed object to the secret.

use super::codes::{UNSEAL, code};
use super::object::{Loaded, load};
use super::parent::{self, OpenParent};
use super::run::{policy_failed, run};
use super::session::{Call, Secrecy, Session, SessionKind};
use super::{epoch, identity, pcr};
use crate::access::Access;
use crate::error::CustodyError;
use crate::link::{Link, Platform, parse};
use crate::pcr::{Differences, nearest};
use crate::sealed::{Branch, Parent, Sealed20};
use alloc::vec::Vec;
use vtpm_store::Secret;
use zeroize::Zeroizing;

/// The secret, which is not checked against the blob yet. Nothing stays loaded.
pub(crate) fn unseal(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
) -> Result<Secret, CustodyError> {
    let mut link = Link::new(platform);
    let result = attempt(&mut link, access, sealed);
    link.flush_loaded();
    result
}

fn attempt(
    link: &mut Link<'_, '_>,
    access: &Access,
    sealed: &Sealed20,
) -> Result<Secret, CustodyError> {
    let parent = recorded_parent(link, access, sealed)?;
    let mut session = parent.session(link, SessionKind::Hmac)?;
    let way = matching(link, &mut session, access, &sealed.branches)?;
    let mut policy = parent.session(link, SessionKind::Policy)?;
    run(link, &mut session, access, &policy, sealed, way)?;
    let storage_key =
        load(link, &mut session, &parent.key, &sealed.storage_key).map_err(damaged)?;
    parent.leave(link)?;
    let object = load(link, &mut session, &storage_key, &sealed.object).map_err(damaged)?;
    let secret = release(link, &mut policy, &object)?;
    if way.epoch.is_some() {
        // Whoever owns the TPM can make an index of the same Name; it counts on, and is not ours.
        epoch::read_as_ours(link, &mut session, &secret)?;
    }
    Ok(secret)
}

/// The parent whose Name was recorded, and no other: sessions salted to it cannot be followed by
/// anything that sits between us and the TPM.
pub(super) fn recorded_parent(
    link: &mut Link<'_, '_>,
    access: &Access,
    sealed: &Sealed20,
) -> Result<OpenParent, CustodyError> {
    let recorded = match sealed.parent {
        Parent::Persistent(handle) => Some(handle),
        Parent::EccPrimary | Parent::RsaPrimary => None,
    };
    if access.srk_handle.is_some() && access.srk_handle != recorded {
        return Err(CustodyError::OtherParent { sealed: recorded });
    }
    let parent = match parent::open(link, access, sealed.parent) {
        // what was at that handle is gone, as after a clear
        Err(CustodyError::NoParent(_)) => return Err(identity::diagnose(link, sealed)),
        other => other?,
    };
    if parent.key.name != sealed.parent_name {
        return Err(identity::diagnose(link, sealed));
    }
    Ok(parent)
}

/// The first branch whose PCRs and epoch are as they are now.
fn matching<'a>(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    access: &Access,
    branches: &'a [Branch],
) -> Result<&'a Branch, CustodyError> {
    let mut differing: Vec<Differences> = Vec::new();
    let mut over = None;
    for branch in branches {
        let differences = match pcr::read(link, session, branch.state.selection()) {
            Ok(present) => branch.state.differences(&present),
            // somebody took the bank away since
            Err(CustodyError::NotAllocated { bank, pcrs }) => [(bank, pcrs)].into(),
            Err(error) => return Err(error),
        };
        if !differences.is_empty() {
            differing.push(differences);
            continue;
        }
        match epoch_holds(link, session, access, branch) {
            Ok(()) => return Ok(branch),
            Err(why) => over = Some(why),
        }
    }
    if let Some(why) = over {
        return Err(why);
    }
    Err(nearest(differing).map_or(CustodyError::Damaged, CustodyError::PcrsChanged))
}

/// Refuses a branch of another epoch than the present one.
fn epoch_holds(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    access: &Access,
    branch: &Branch,
) -> Result<(), CustodyError> {
    let Some(wanted) = &branch.epoch else { return Ok(()) };
    match epoch::current(link, session, access)? {
        None => Err(CustodyError::NoEpoch(wanted.index)),
        Some(now) if now == wanted.value => Ok(()),
        Some(now) => Err(CustodyError::OtherEpoch { approved: wanted.value, now }),
    }
}

/// What a TPM says about an object that is not, byte for byte, one it made.
fn damaged(error: CustodyError) -> CustodyError {
    error
        .or_if(&[code::INTEGRITY, code::BINDING, code::SIZE, code::VALUE], || CustodyError::Damaged)
}

fn release(
    link: &mut Link<'_, '_>,
    policy: &mut Session,
    object: &Loaded,
) -> Result<Secret, CustodyError> {
    let step = "TPM2_Unseal";
    let call = Call {
        step,
        code: UNSEAL,
        handles: &[(object.handle, &object.name)],
        parameters: Zeroizing::default(),
        auth: Some(&[]),
        secrecy: Secrecy::Answer,
        gives_handle: false,
    };
    let answer = policy.exchange(link, call).map_err(|error| policy_failed(error, step))?;
    let bytes =
        parse(step, &answer.parameters, |reader| Ok(Zeroizing::new(reader.sized()?.to_vec())))?;
    let bytes: &[u8; 32] =
        bytes.as_slice().try_into().map_err(|_| CustodyError::Malformed { step })?;
    Ok(Secret::new(*bytes))
}
