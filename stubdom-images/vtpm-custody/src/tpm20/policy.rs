//! Policies as digests (Part 3, 23; Part 1, 19.7).

use super::codes::{POLICY_AUTHORIZE, POLICY_NV, POLICY_OR, POLICY_PCR};
use super::public::name_of;
use super::template::administrator;
use crate::crypto::sha256;
use crate::pcr::PcrState;
use crate::policy::AdministratorKey;
use crate::sealed::{Branch, Epoch};
use alloc::vec::Vec;

/// The policy that nothing was asserted for yet.
pub(super) const START: [u8; 32] = [0; 32];

/// What an administrator's approvals are for; distinguishes them from whatever else the key signs.
pub(super) const REFERENCE: &[u8] = b"xen-vtpmmgr policy 1";

/// The most ways one TPM2_PolicyOR takes (Part 2, 10.9.6).
pub(super) const MOST_WAYS: usize = 8;

/// After TPM2_PolicyPCR.
fn pcr(before: &[u8; 32], state: &PcrState) -> [u8; 32] {
    let selection = state.selection().marshal();
    sha256(&[before, &POLICY_PCR.0.to_be_bytes(), &selection, &state.digest()])
}

/// After TPM2_PolicyNV with operation "equal", offset 0.
fn nv(before: &[u8; 32], epoch: &Epoch) -> [u8; 32] {
    let arguments = sha256(&[&epoch.value.to_be_bytes(), &[0, 0], &[0, 0]]);
    sha256(&[before, &POLICY_NV.0.to_be_bytes(), &arguments, &epoch.name])
}

/// What a session that went along this branch holds.
pub(super) fn branch(branch: &Branch) -> [u8; 32] {
    let after_pcr = pcr(&START, &branch.state);
    branch.epoch.as_ref().map_or(after_pcr, |epoch| nv(&after_pcr, epoch))
}

/// After TPM2_PolicyOR.
fn or(ways: &[[u8; 32]]) -> [u8; 32] {
    sha256(&[&START, &POLICY_OR.0.to_be_bytes(), &ways.concat()])
}

/// After TPM2_PolicyAuthorize.
fn authorised(key: &AdministratorKey) -> [u8; 32] {
    let name = name_of(&administrator(key));
    let update = sha256(&[&START, &POLICY_AUTHORIZE.0.to_be_bytes(), &name]);
    sha256(&[&update, REFERENCE])
}

/// The policy that a sealed object is given: what the administrator's key approves, or one of these
/// branches.
pub(super) fn of_object(key: Option<&AdministratorKey>, branches: &[Branch]) -> [u8; 32] {
    let ways: Vec<_> = branches.iter().map(branch).collect();
    match (key, ways.as_slice()) {
        (Some(key), _) => authorised(key),
        (None, [only]) => *only,
        (None, several) => or(several),
    }
}

/// What an administrator signs to approve a state of the PCRs in an epoch: SHA-256 over the policy's digest and
/// its purpose. `docs/formats/sealed-secret.md` says how to compute it elsewhere.
#[must_use]
pub fn approval_digest(state: &PcrState, epoch: u64) -> [u8; 32] {
    of_branch_to_sign(&in_epoch(state, Some(epoch)))
}

/// The digest that a TPM's policy session holds after this state, and this epoch of the
/// administrator's approvals if one is asked for, were asserted.
#[must_use]
pub fn policy_digest(state: &PcrState, epoch: Option<u64>) -> [u8; 32] {
    branch(&in_epoch(state, epoch))
}

fn in_epoch(state: &PcrState, epoch: Option<u64>) -> Branch {
    Branch { state: state.clone(), epoch: epoch.map(Epoch::at), signature: None }
}

/// The same for a branch with all its conditions.
pub(super) fn of_branch_to_sign(way: &Branch) -> [u8; 32] {
    sha256(&[&branch(way), REFERENCE])
}
