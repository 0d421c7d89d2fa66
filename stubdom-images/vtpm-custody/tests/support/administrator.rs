//! An administrator with a key of his own.

use super::Machine;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use vtpm_custody::{
    AdministratorKey, Approval, CustodyError, PcrState, Policy, approval_digest, set_recovery_key,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

pub(crate) struct Administrator(SigningKey);

impl Administrator {
    pub(crate) fn new(byte: u8) -> Self {
        Self(SigningKey::from_slice(&[byte; 32]).unwrap())
    }

    pub(crate) fn key(&self) -> AdministratorKey {
        let point = self.0.verifying_key().as_affine().to_sec1_point(false);
        let (x, y) = (*point.x().unwrap(), *point.y().unwrap());
        AdministratorKey { x: x.into(), y: y.into() }
    }

    pub(crate) fn approve(&self, state: &PcrState, epoch: u64) -> Approval {
        let signature: Signature = self.0.sign_prehash(&approval_digest(state, epoch)).unwrap();
        Approval { state: state.clone(), epoch, signature: signature.to_bytes().into() }
    }
}

/// The values of the default selection now.
pub(crate) fn present(machine: &mut Machine, sealed: &SealedSecret) -> PcrState {
    machine.custody(|custody| custody.present(sealed, None)).unwrap()
}

/// The state after booting `chain`, as an administrator predicts it.
pub(crate) fn state_after(machine: &mut Machine, sealed: &SealedSecret, chain: &[u8]) -> PcrState {
    machine.boot(chain).unwrap();
    let there = present(machine, sealed);
    machine.boot(b"boot").unwrap();
    there
}

pub(crate) fn unseal(machine: &mut Machine, sealed: &SealedSecret) -> Result<Secret, CustodyError> {
    machine.custody(|custody| custody.unseal(sealed))
}

/// A store with a recovery key.
pub(crate) fn recoverable(machine: &mut Machine) -> (Secret, SealedSecret) {
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let (sealed, _) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    (secret, sealed)
}

/// A store whose states `administrator` approves; the present one is, in the epoch that is told.
pub(crate) fn administered(
    machine: &mut Machine,
    administrator: &Administrator,
) -> (Secret, SealedSecret, u64) {
    let (secret, sealed) = recoverable(machine);
    let epoch = machine.custody(|custody| custody.prepare_epoch(&sealed, &secret)).unwrap();
    let approvals = [administrator.approve(&present(machine, &sealed), epoch)];
    let key = administrator.key();
    let sealed = machine
        .custody(|custody| custody.set_administrator(&sealed, &secret, &key, &approvals))
        .unwrap();
    (secret, sealed, epoch)
}
