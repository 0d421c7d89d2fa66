//! A policy is moved forward: by a list of states, and by an administrator's key.

mod support;

use support::Machine;
use support::administrator::{
    Administrator, administered, present, recoverable, state_after, unseal,
};
use tpm_wire::tpm20::HashAlgorithm;
use vtpm_custody::{
    AdministratorKey, CustodyError, PcrSelection, PcrState, Policy, inspect, set_recovery_key,
};

#[test]
fn a_list_of_states_covers_an_update_in_both_directions() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let also = vec![
        state_after(&mut machine, &sealed, b"after"),
        state_after(&mut machine, &sealed, b"later"),
    ];
    let policy = Policy { also, ..policy };
    let all = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy)).unwrap();
    for chain in [b"boot".as_slice(), b"after", b"later"] {
        machine.boot(chain).unwrap();
        assert_eq!(unseal(&mut machine, &all).unwrap(), secret);
    }
    machine.boot(b"stick").unwrap();
    assert!(matches!(unseal(&mut machine, &all), Err(CustodyError::PcrsChanged(_))));
    let selection = PcrSelection::default_in(HashAlgorithm::SHA256);
    let state = |byte| PcrState::new(selection.clone(), vec![vec![byte; 32]; 2]).unwrap();
    let also = (1..=8).map(state).collect();
    let policy = Policy { also, ..Policy::default() };
    let refused = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy));
    assert_eq!(refused, Err(CustodyError::TooLarge));
}

#[test]
fn an_approved_state_is_accepted_and_no_other() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let (secret, sealed, epoch) = administered(&mut machine, &administrator);
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
    let after = state_after(&mut machine, &sealed, b"after");
    let approval = administrator.approve(&after, epoch);
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
    let (secret, sealed, epoch) = administered(&mut machine, &administrator);
    let after = state_after(&mut machine, &sealed, b"after");
    let foreign = Administrator::new(4).approve(&after, epoch);
    let refused = machine.custody(|custody| custody.approve(&sealed, &secret, &foreign));
    assert_eq!(refused, Err(CustodyError::BadApproval));
    // put onto the disk by hand: the approved values are replaced by those of another state
    let mut forged = sealed.clone();
    let end = forged.blob.len() - 32;
    machine.boot(b"after").unwrap();
    let (_, here) = machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    let values = &here.blob[here.blob.len() - 96..here.blob.len() - 32];
    forged.blob[end - 64..end].copy_from_slice(values);
    assert_eq!(unseal(&mut machine, &forged), Err(CustodyError::BadApproval));
}

#[test]
fn a_key_that_would_lock_out_at_once_is_not_set() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let administrator = Administrator::new(3);
    let policy = Policy::default();
    let (bare_secret, bare) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let here = present(&mut machine, &bare);
    let approvals = [administrator.approve(&here, 1)];
    let key = administrator.key();
    let set = |machine: &mut Machine, (secret, sealed), key: &AdministratorKey, approvals: &[_]| {
        machine
            .custody(|custody| custody.set_administrator(sealed, secret, key, approvals))
            .map(|_| ())
    };
    let too_early = set(&mut machine, (&bare_secret, &bare), &key, &approvals);
    assert_eq!(too_early, Err(CustodyError::NeedsRecoveryKey));
    let (secret, sealed) = recoverable(&mut machine);
    let kept = (&secret, &sealed);
    let no_epoch = set(&mut machine, kept, &key, &approvals);
    assert_eq!(no_epoch, Err(CustodyError::NoEpoch(vtpm_custody::EPOCH_INDEX)));
    let epoch = machine.custody(|custody| custody.prepare_epoch(&sealed, &secret)).unwrap();
    let elsewhere = state_after(&mut machine, &sealed, b"elsewhere");
    let elsewhere = [administrator.approve(&elsewhere, epoch)];
    let refused = set(&mut machine, kept, &key, &elsewhere);
    assert!(matches!(refused, Err(CustodyError::PcrsChanged(_))));
    let next = [administrator.approve(&here, epoch + 1)];
    let refused = set(&mut machine, kept, &key, &next);
    assert_eq!(refused, Err(CustodyError::OtherEpoch { approved: epoch + 1, now: epoch }));
    let approvals = [administrator.approve(&here, epoch)];
    let no_point = AdministratorKey { x: [1; 32], y: [1; 32] };
    assert!(set(&mut machine, kept, &no_point, &approvals).is_err());
    let foreign = Administrator::new(4).key();
    assert_eq!(set(&mut machine, kept, &foreign, &approvals), Err(CustodyError::BadApproval));
    let approve = machine.custody(|custody| custody.approve(&sealed, &secret, &approvals[0]));
    assert_eq!(approve, Err(CustodyError::WrongMode));
    let retire = machine.custody(|custody| custody.retire(&sealed, &secret));
    assert_eq!(retire, Err(CustodyError::WrongMode));
    assert_eq!(set(&mut machine, kept, &key, &approvals), Ok(()));
}

#[test]
fn the_administrator_is_passed_over_with_the_recovery_key_alone() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed, _) = administered(&mut machine, &Administrator::new(3));
    let policy = Policy::default();
    let resealed = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy));
    assert_eq!(resealed, Err(CustodyError::Administered));
    let another_key = set_recovery_key(&sealed, &secret, &mut machine.entropy).map(|_| ());
    assert_eq!(another_key, Err(CustodyError::Administered));
    let anew = machine.custody(|custody| custody.begin_anew(&sealed, &secret, &policy)).unwrap();
    assert_eq!(inspect(&anew).unwrap().administrator, None);
    assert!(inspect(&anew).unwrap().has_recovery_key);
    assert_eq!(unseal(&mut machine, &anew).unwrap(), secret);
}

#[test]
fn a_predicted_state_is_the_one_that_comes() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = recoverable(&mut machine);
    let word = ["sha256:7=", &"6e65772d646278".repeat(10)[..64]].concat();
    let measurement = PcrState::parse(&word).unwrap();
    let later = present(&mut machine, &sealed).extended(&measurement).unwrap();
    let policy = Policy { also: vec![later], ..Policy::default() };
    let moved = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy)).unwrap();
    machine.measure(7, b"new-dbx");
    assert!(unseal(&mut machine, &sealed).is_err());
    assert_eq!(unseal(&mut machine, &moved).unwrap(), secret);
    let dropped = Policy::default();
    let dropped = machine.custody(|custody| custody.reseal(&moved, &secret, &dropped)).unwrap();
    assert_eq!(unseal(&mut machine, &dropped).unwrap(), secret);
    machine.boot(b"boot").unwrap();
    assert!(matches!(unseal(&mut machine, &dropped), Err(CustodyError::PcrsChanged(_))));
}
