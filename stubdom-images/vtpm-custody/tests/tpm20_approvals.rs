//! A policy is moved forward: by a list of states, and by an administrator's key.

mod support;

use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToSec1Point;
use support::Machine;
use vtpm_custody::{
    AdministratorKey, Approval, CustodyError, PcrState, Policy, approval_digest, inspect,
    set_recovery_key,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The state after booting `chain`, as an administrator predicts it.
fn state_after(machine: &mut Machine, chain: &[u8]) -> PcrState {
    machine.boot(chain).unwrap();
    let (_, there) = machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    machine.boot(b"boot").unwrap();
    inspect(&there).unwrap().states.remove(0)
}

fn unseal(machine: &mut Machine, sealed: &SealedSecret) -> Result<Secret, CustodyError> {
    machine.custody(|custody| custody.unseal(sealed))
}

struct Administrator(SigningKey);

impl Administrator {
    fn new(byte: u8) -> Self {
        Self(SigningKey::from_slice(&[byte; 32]).unwrap())
    }

    fn key(&self) -> AdministratorKey {
        let point = self.0.verifying_key().as_affine().to_sec1_point(false);
        let (x, y) = (*point.x().unwrap(), *point.y().unwrap());
        AdministratorKey { x: x.into(), y: y.into() }
    }

    fn approve(&self, state: &PcrState) -> Approval {
        let signature: Signature = self.0.sign_prehash(&approval_digest(state)).unwrap();
        Approval { state: state.clone(), signature: signature.to_bytes().into() }
    }
}

/// A store with a recovery key, whose policies `administrator` approves; the present state is.
fn administered(machine: &mut Machine, administrator: &Administrator) -> (Secret, SealedSecret) {
    let present = state_after(machine, b"boot");
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let approvals = [administrator.approve(&present)];
    let key = administrator.key();
    let too_early =
        machine.custody(|custody| custody.set_administrator(&sealed, &secret, &key, &approvals));
    assert_eq!(too_early, Err(CustodyError::NeedsRecoveryKey));
    let (sealed, _) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    let sealed = machine
        .custody(|custody| custody.set_administrator(&sealed, &secret, &key, &approvals))
        .unwrap();
    assert!(inspect(&sealed).unwrap().has_administrator_key);
    (secret, sealed)
}

#[test]
fn a_list_of_states_covers_an_update_in_both_directions() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let also = vec![state_after(&mut machine, b"after"), state_after(&mut machine, b"later")];
    let policy = Policy { also, ..policy };
    let all = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy)).unwrap();
    for chain in [b"boot".as_slice(), b"after", b"later"] {
        machine.boot(chain).unwrap();
        assert_eq!(unseal(&mut machine, &all).unwrap(), secret);
    }
    machine.boot(b"stick").unwrap();
    assert!(matches!(unseal(&mut machine, &all), Err(CustodyError::PcrsChanged(_))));
    let also = vec![inspect(&all).unwrap().states.remove(0); 8];
    let policy = Policy { also, ..Policy::default() };
    let refused = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy));
    assert_eq!(refused, Err(CustodyError::TooLarge));
}

#[test]
fn an_approved_state_is_accepted_and_no_other() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed) = administered(&mut machine, &administrator);
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
    let after = state_after(&mut machine, b"after");
    let approval = administrator.approve(&after);
    let moved = machine.custody(|custody| custody.approve(&sealed, &secret, &approval)).unwrap();
    machine.boot(b"after").unwrap();
    assert_eq!(unseal(&mut machine, &moved).unwrap(), secret);
    assert!(matches!(unseal(&mut machine, &sealed), Err(CustodyError::PcrsChanged(_))));
    machine.boot(b"stick").unwrap();
    assert!(matches!(unseal(&mut machine, &moved), Err(CustodyError::PcrsChanged(_))));
}

#[test]
fn an_approval_by_anybody_else_is_refused() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed) = administered(&mut machine, &administrator);
    let after = state_after(&mut machine, b"after");
    let foreign = Administrator::new(4).approve(&after);
    let refused = machine.custody(|custody| custody.approve(&sealed, &secret, &foreign));
    assert_eq!(refused, Err(CustodyError::BadApproval));
    // put onto the disk by hand: the approved values are replaced by those of another state
    let mut forged = sealed.clone();
    machine.boot(b"after").unwrap();
    let end = forged.blob.len() - 32;
    let values: Vec<u8> = {
        let (_, here) = machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
        here.blob[here.blob.len() - 96..here.blob.len() - 32].to_vec()
    };
    forged.blob[end - 64..end].copy_from_slice(&values);
    assert_eq!(unseal(&mut machine, &forged), Err(CustodyError::BadApproval));
}

#[test]
fn a_key_that_would_lock_out_at_once_is_not_set() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let elsewhere = state_after(&mut machine, b"elsewhere");
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let (sealed, _) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    let (key, approvals) = (administrator.key(), [administrator.approve(&elsewhere)]);
    let refused =
        machine.custody(|custody| custody.set_administrator(&sealed, &secret, &key, &approvals));
    assert!(matches!(refused, Err(CustodyError::PcrsChanged(_))));
    let no_point = AdministratorKey { x: [1; 32], y: [1; 32] };
    let refused = machine
        .custody(|custody| custody.set_administrator(&sealed, &secret, &no_point, &approvals));
    assert!(refused.is_err());
    let approve = machine.custody(|custody| custody.approve(&sealed, &secret, &approvals[0]));
    assert_eq!(approve, Err(CustodyError::WrongMode));
}
