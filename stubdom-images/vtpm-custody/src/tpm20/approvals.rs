//! What an administrator's key approves, and how approvals end.

use super::parent::OpenParent;
use super::session::{Session, SessionKind};
use super::unseal::recorded_parent;
use super::{epoch, pcr, run};
use crate::access::Access;
use crate::error::CustodyError;
use crate::link::{Link, Platform};
use crate::pcr::{PcrSelection, PcrState};
use crate::policy::Approval;
use crate::sealed::{Branch, Epoch, Sealed20};
use vtpm_store::Secret;

/// Works with the TPM through a session salted to the recorded parent. Nothing stays loaded.
fn through_session<T>(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    work: impl FnOnce(&mut Link<'_, '_>, &mut Session) -> Result<T, CustodyError>,
) -> Result<T, CustodyError> {
    let mut link = Link::new(platform);
    let result = recorded_parent(&mut link, access, sealed).and_then(|parent: OpenParent| {
        let mut session = parent.session(&mut link, SessionKind::Hmac)?;
        parent.leave(&mut link)?;
        work(&mut link, &mut session)
    });
    link.flush_loaded();
    result
}

/// The present values of `selection`.
pub(crate) fn present(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    selection: &PcrSelection,
) -> Result<PcrState, CustodyError> {
    through_session(platform, access, sealed, |link, session| pcr::read(link, session, selection))
}

/// The epoch now; `None` as long as there is none.
pub(crate) fn current_epoch(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
) -> Result<Option<u64>, CustodyError> {
    through_session(platform, access, sealed, |link, session| epoch::current(link, session, access))
}

/// Makes the epoch where there is none, and tells it.
pub(crate) fn prepare_epoch(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &Sealed20,
    secret: &Secret,
) -> Result<u64, CustodyError> {
    through_session(platform, access, sealed, |link, session| {
        epoch::prepare(link, session, access, secret)
    })
}

/// The approval as a way to fulfil the policy.
pub(super) fn way_of(approval: &Approval) -> Branch {
    let (state, signature) = (approval.state.clone(), Some(approval.signature));
    Branch { state, epoch: Some(Epoch::at(approval.epoch)), signature }
}

/// Refuses an approval of another epoch than this one or the next.
pub(super) fn check_epoch(approval: &Approval, now: u64) -> Result<(), CustodyError> {
    let approved = approval.epoch;
    let usable = approved == now || now.checked_add(1) == Some(approved);
    if usable { Ok(()) } else { Err(CustodyError::OtherEpoch { approved, now }) }
}

/// Adds an approval, once the TPM has found its signature good.
pub(crate) fn approve(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &mut Sealed20,
    approval: &Approval,
) -> Result<(), CustodyError> {
    let key = sealed.administrator.ok_or(CustodyError::WrongMode)?;
    let way = way_of(approval);
    through_session(platform, access, sealed, |link, session| {
        let now = epoch::current(link, session, access)?;
        check_epoch(approval, now.ok_or(CustodyError::NoEpoch(epoch::EPOCH_INDEX))?)?;
        run::ticket(link, &key, &way, &approval.signature).map(|_| ())
    })?;
    if !sealed.branches.contains(&way) {
        sealed.branches.push(way);
    }
    Ok(())
}

/// Ends all approvals of the present epoch, and forgets them. One of the next epoch must fit the
/// machine as it is.
pub(crate) fn retire(
    platform: &mut Platform<'_>,
    access: &Access,
    sealed: &mut Sealed20,
    secret: &Secret,
) -> Result<u64, CustodyError> {
    if sealed.administrator.is_none() {
        return Err(CustodyError::WrongMode);
    }
    let branches = &sealed.branches;
    let next = through_session(platform, access, sealed, |link, session| {
        let now = epoch::current(link, session, access)?;
        let next = now.ok_or(CustodyError::NoEpoch(epoch::EPOCH_INDEX))?.saturating_add(1);
        if !fits_in(link, session, branches, next)? {
            return Err(CustodyError::NotApproved { epoch: next });
        }
        epoch::raise(link, session, secret)
    })?;
    sealed.branches.retain(|way| way.epoch.is_some_and(|epoch| epoch.value >= next));
    Ok(next)
}

/// Whether an approval of this epoch fits the present state.
fn fits_in(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    branches: &[Branch],
    epoch: u64,
) -> Result<bool, CustodyError> {
    for way in branches.iter().filter(|way| way.epoch == Some(Epoch::at(epoch))) {
        let present = pcr::read(link, session, way.state.selection())?;
        if way.state.differences(&present).is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
