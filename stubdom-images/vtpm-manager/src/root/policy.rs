//! Policies between domain 0's words and custody.

use super::{PolicyDone, RootError};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use domain_io::Entropy;
use tpm_wire::manager::{
    AcceptedState, Force, PolicyApproval, PolicyKey, PolicyReport, PolicyState, PolicyWay,
};
use vtpm_custody::{
    Accepted, AdministratorKey, Approval, Kind, PcrSelection, PcrState, Policy, inspect,
    set_recovery_key,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

pub(super) const fn force(force: Force) -> vtpm_custody::Force {
    match force {
        Force::No => vtpm_custody::Force::No,
        Force::Yes => vtpm_custody::Force::Yes,
    }
}

/// The policy that domain 0 described.
pub(super) fn chosen(
    selected: &[u8],
    forced: Force,
    also: &[PolicyState<'_>],
) -> Result<Policy, RootError> {
    let also = also.iter().map(state).collect::<Result<_, _>>()?;
    Ok(Policy { selection: selection(selected)?, also, force: force(forced) })
}

/// The policy there is, with the present state and these besides: those that were accepted before
/// stay when `keep` says so.
pub(super) fn moved(
    sealed: &SealedSecret,
    forced: Force,
    new: &[PolicyState<'_>],
    keep: bool,
) -> Result<Policy, RootError> {
    let accepted = inspect(sealed)?.states;
    let selection = accepted.first().map(|way| way.state.selection().clone());
    let kept = accepted.into_iter().filter(|_| keep).map(|way| Ok(way.state));
    let also = kept.chain(new.iter().map(state)).collect::<Result<_, _>>()?;
    Ok(Policy { selection, also, force: force(forced) })
}

/// No text is the default.
pub(super) fn selection(text: &[u8]) -> Result<Option<PcrSelection>, RootError> {
    let text = core::str::from_utf8(text).map_err(|_| RootError("the PCRs are no text".into()))?;
    if text.is_empty() {
        return Ok(None);
    }
    PcrSelection::parse(text).map(Some).map_err(|error| RootError(format!("{error}")))
}

fn state(given: &PolicyState<'_>) -> Result<PcrState, RootError> {
    let selection = selection(given.selection)?;
    selection
        .and_then(|selection| PcrState::of_bytes(selection, given.values))
        .ok_or_else(|| RootError("the values do not fit the PCRs".into()))
}

pub(super) fn approval(given: &PolicyApproval<'_>) -> Result<Approval, RootError> {
    let PolicyApproval { state: approved, epoch, signature } = *given;
    Ok(Approval { state: state(&approved)?, epoch, signature })
}

pub(super) const fn key(given: PolicyKey) -> AdministratorKey {
    let PolicyKey { x, y } = given;
    AdministratorKey { x, y }
}

/// What is readable about the sealed secret, and the epoch that the TPM tells.
pub(super) fn report(
    sealed: &SealedSecret,
    epoch: impl FnOnce() -> Result<Option<u64>, RootError>,
) -> Result<PolicyDone, RootError> {
    let overview = inspect(sealed)?;
    let way = |way: &Accepted| PolicyWay {
        selection: way.state.selection().to_string().into_bytes(),
        epoch: way.epoch,
    };
    let key = |AdministratorKey { x, y }| PolicyKey { x, y };
    let report = PolicyReport {
        kind: match overview.kind {
            Kind::Clear => 0,
            Kind::Tpm12 => 1,
            Kind::Tpm20 => 2,
        },
        has_recovery_key: overview.has_recovery_key,
        forced: overview.forced,
        administrator: overview.administrator.map(key),
        epoch: if overview.administrator.is_some() { epoch()? } else { None },
        states: overview.states.iter().map(way).collect(),
    };
    Ok(PolicyDone::answer(report.encode()))
}

/// One of the accepted states.
pub(super) fn accepted(sealed: &SealedSecret, number: u16) -> Result<PolicyDone, RootError> {
    let overview = inspect(sealed)?;
    let way = overview.states.get(usize::from(number));
    let way = way.ok_or_else(|| RootError(format!("there is no accepted state {number}")))?;
    Ok(told(&way.state, way.epoch))
}

pub(super) fn told(state: &PcrState, epoch: Option<u64>) -> PolicyDone {
    let selection = state.selection().to_string().into_bytes();
    let told = AcceptedState { selection, values: state.value_bytes(), epoch };
    PolicyDone::answer(told.encode())
}

pub(super) fn recovery_key(
    (secret, sealed): (&Secret, &SealedSecret),
    replace: Force,
    entropy: &mut dyn Entropy,
) -> Result<PolicyDone, RootError> {
    if inspect(sealed)?.has_recovery_key && replace == Force::No {
        return Err(RootError(
            "there is a recovery key already; say that it is to be replaced, and it opens \
             nothing any more"
                .into(),
        ));
    }
    let (sealed, key) = set_recovery_key(sealed, secret, entropy)?;
    log::warn!("a new recovery key was made at domain 0's command");
    let answer: Vec<u8> = key.to_text().as_bytes().to_vec();
    Ok(PolicyDone { answer, sealed: Some(sealed) })
}
