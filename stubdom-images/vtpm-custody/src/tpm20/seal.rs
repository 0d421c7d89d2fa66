//! From the secret to the sealed object.

use super::approvals::{check_epoch, way_of};
use super::create::create;
use super::object::load;
use super::parent::{choose, open};
use super::session::{Session, SessionKind};
use super::template::{KeyKind, sealed_data, storage};
use super::{epoch, identity, pcr, policy};
use crate::access::Access;
use crate::error::CustodyError;
use crate::link::{Link, Platform};
use crate::policy::{AdministratorKey, Approval, Policy};
use crate::sealed::{Branch, Parent, Sealed20};
use alloc::vec::Vec;
use vtpm_store::Secret;

/// Who says what is accepted.
pub(crate) enum Order<'a> {
    /// The present state of the machine and those in the policy.
    Present(&'a Policy),
    /// What this key approves.
    Approved(&'a AdministratorKey, &'a [Approval]),
}

/// Seals `secret`. `beyond_default` tells whether the policy may look at more than the default
/// does. Nothing stays loaded.
pub(crate) fn seal(
    platform: &mut Platform<'_>,
    access: &Access,
    order: &Order<'_>,
    secret: &Secret,
    beyond_default: bool,
) -> Result<Sealed20, CustodyError> {
    let mut link = Link::new(platform);
    let result = attempt(&mut link, access, order, secret, beyond_default);
    link.flush_loaded();
    result
}

fn attempt(
    link: &mut Link<'_, '_>,
    access: &Access,
    order: &Order<'_>,
    secret: &Secret,
    beyond_default: bool,
) -> Result<Sealed20, CustodyError> {
    let which = choose(link, access)?;
    let identity = identity::identity(link, which)?;
    let parent = open(link, access, which)?;
    let mut session = parent.session(link, SessionKind::Hmac)?;
    let (administrator, branches) = ways(link, &mut session, access, order)?;
    check(&branches, administrator.is_some(), beyond_default)?;
    let object_policy = policy::of_object(administrator.as_ref(), &branches);
    let kind = if which == Parent::RsaPrimary { KeyKind::Rsa } else { KeyKind::Ecc };
    let storage_key = create(link, &mut session, &parent.key, &[], &storage(kind))?;
    let loaded = load(link, &mut session, &parent.key, &storage_key)?;
    let parent_name = parent.key.name;
    parent.leave(link)?;
    let public = sealed_data(&object_policy);
    let object = create(link, &mut session, &loaded, secret.bytes(), &public)?;
    Ok(Sealed20 {
        parent: which,
        parent_name,
        identity,
        storage_key,
        object,
        administrator,
        branches,
    })
}

/// Who approves, and which states there are.
fn ways(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    access: &Access,
    order: &Order<'_>,
) -> Result<(Option<AdministratorKey>, Vec<Branch>), CustodyError> {
    match order {
        Order::Present(wanted) => {
            let default = pcr::usual_bank(link)?;
            let present = wanted.present(default, |of| pcr::read(link, session, of))?;
            let way = |state| Branch { state, epoch: None, signature: None };
            Ok((None, wanted.states(present)?.into_iter().map(way).collect()))
        }
        Order::Approved(_, []) => Err(CustodyError::BadApproval),
        Order::Approved(key, approvals) => {
            let now = epoch::current(link, session, access)?;
            let now = now.ok_or(CustodyError::NoEpoch(epoch::EPOCH_INDEX))?;
            approvals.iter().try_for_each(|approval| check_epoch(approval, now))?;
            Ok((Some(**key), approvals.iter().map(way_of).collect()))
        }
    }
}

/// Refuses what one policy cannot hold, and what could lock out without a way back.
fn check(
    branches: &[Branch],
    has_administrator: bool,
    beyond_default: bool,
) -> Result<(), CustodyError> {
    if branches.len() > policy::MOST_WAYS && !has_administrator {
        return Err(CustodyError::TooLarge);
    }
    let beyond = |branch: &Branch| branch.state.selection().goes_beyond_default();
    if !beyond_default && branches.iter().any(beyond) {
        return Err(CustodyError::NeedsRecoveryKey);
    }
    Ok(())
}
