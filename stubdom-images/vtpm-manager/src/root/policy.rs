//! Policies between domain 0's words and custody.

use super::{PolicyDone, RootError};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use domain_io::Entropy;
use tpm_wire::manager::{Force, PolicyReport, PolicyState};
use tpm_wire::tpm20::HashAlgorithm;
use vtpm_custody::{Kind, PcrSelection, PcrState, Policy, inspect, set_recovery_key};
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
    let selection = if selected.is_empty() { None } else { Some(selection(selected)?) };
    let also = also.iter().map(state).collect::<Result<_, _>>()?;
    Ok(Policy { selection, also, force: force(forced) })
}

fn selection(text: &[u8]) -> Result<PcrSelection, RootError> {
    let text = core::str::from_utf8(text).map_err(|_| RootError("the PCRs are no text".into()))?;
    PcrSelection::parse(text).map_err(|error| RootError(format!("{error}")))
}

fn state(given: &PolicyState<'_>) -> Result<PcrState, RootError> {
    let selection = selection(given.selection)?;
    let mut rest = given.values;
    let mut values = Vec::new();
    for (bank, pcrs) in selection.banks() {
        for _ in pcrs.iter() {
            let (value, others) = rest
                .split_at_checked(bank.digest_bytes().unwrap_or(0))
                .ok_or_else(|| RootError("there are fewer values than PCRs".into()))?;
            values.push(value.to_vec());
            rest = others;
        }
    }
    let state = if rest.is_empty() { PcrState::new(selection, values) } else { None };
    state.ok_or_else(|| RootError("the values do not fit the PCRs".into()))
}

/// What is readable about the sealed secret.
pub(super) fn report(sealed: &SealedSecret) -> Result<PolicyDone, RootError> {
    let overview = inspect(sealed)?;
    let states = overview.states.iter().map(|state| words(state.selection()).into_bytes());
    let report = PolicyReport {
        kind: match overview.kind {
            Kind::Clear => 0,
            Kind::Tpm12 => 1,
            Kind::Tpm20 => 2,
        },
        has_recovery_key: overview.has_recovery_key,
        has_administrator_key: overview.has_administrator_key,
        forced: overview.forced,
        states: states.collect(),
    };
    Ok(PolicyDone { answer: report.encode(), sealed: None })
}

pub(super) fn recovery_key(
    (secret, sealed): (&Secret, &SealedSecret),
    entropy: &mut dyn Entropy,
) -> Result<PolicyDone, RootError> {
    let (sealed, key) = set_recovery_key(sealed, secret, entropy)?;
    Ok(PolicyDone { answer: key.to_text().as_bytes().to_vec(), sealed: Some(sealed) })
}

/// A selection as people write it.
fn words(selection: &PcrSelection) -> String {
    let mut text = String::new();
    for (bank, pcrs) in selection.banks() {
        let name = match *bank {
            HashAlgorithm::SHA1 => "sha1",
            HashAlgorithm::SHA256 => "sha256",
            HashAlgorithm::SHA384 => "sha384",
            _ => "sha512",
        };
        let plus = if text.is_empty() { "" } else { "+" };
        text.push_str(&format!("{plus}{name}:{pcrs}"));
    }
    text
}
