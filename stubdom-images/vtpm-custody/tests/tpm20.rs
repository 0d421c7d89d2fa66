//! Sealing to a real software TPM 2.0: what is given back, and what is refused.

mod support;

use support::Machine;
use tpm_wire::tpm20::HashAlgorithm;
use vtpm_custody::{
    CustodyError, Force, PcrMask, PcrSelection, PcrState, Policy, inspect, recover,
    set_recovery_key,
};
use vtpm_store::manager::SealedSecret;

fn default() -> Policy {
    Policy::default()
}

fn changed(pcrs: &[u32]) -> CustodyError {
    CustodyError::PcrsChanged(vec![(HashAlgorithm::SHA256, PcrMask::of(pcrs))])
}

#[test]
fn the_secret_comes_back_after_each_boot_of_the_same_chain() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    assert!(!inspect(&sealed).unwrap().has_recovery_key);
    for _ in 0..3 {
        machine.boot(b"boot").unwrap();
        assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    }
}

#[test]
fn another_boot_chain_is_refused_by_its_pcrs_and_the_recovery_key_helps() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    let (sealed, key) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    machine.measure(7, b"another authority");
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Err(changed(&[7])));
    machine.boot(b"stick").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Err(changed(&[5, 7])));
    assert_eq!(recover(&sealed, &key).unwrap(), secret);
    let policy = default();
    let resealed = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy)).unwrap();
    machine.boot(b"stick").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&resealed)).unwrap(), secret);
    assert_eq!(recover(&resealed, &key).unwrap(), secret);
}

#[test]
fn pcrs_outside_the_default_may_change() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    for pcr in [0, 1, 4, 8, 9] {
        machine.measure(pcr, b"update");
    }
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
}

#[test]
fn no_secret_crosses_the_bus_in_clear() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    machine.custody(|custody| custody.unseal(&sealed)).unwrap();
    assert!(machine.heard.len() > 20);
    for part in secret.bytes().windows(8) {
        assert!(!machine.was_heard(part));
    }
}

#[test]
fn a_policy_that_protects_nothing_is_refused_unless_forced() {
    let Some(mut machine) = Machine::tpm20() else { return };
    machine.switch_on().unwrap();
    machine.code(&tpm_wire::tpm20::startup(tpm_wire::tpm20::StartupType::CLEAR));
    let refused = machine.custody(|custody| custody.first_start(&default())).unwrap_err();
    let pcrs = PcrMask::of(&[5, 7]);
    assert_eq!(refused, CustodyError::Unmeasured { bank: HashAlgorithm::SHA256, pcrs });
    let forced = Policy { force: Force::Yes, ..default() };
    let (_, sealed) = machine.custody(|custody| custody.first_start(&forced)).unwrap();
    assert!(inspect(&sealed).unwrap().forced);
}

#[test]
fn a_bank_that_is_not_allocated_is_refused_and_left_out_when_forced() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let selection = PcrSelection::parse("sha256:7+sha512:5").unwrap();
    let only256 = tpm_wire::tpm20::pcr_allocate(&HashAlgorithm::ALL, &[HashAlgorithm::SHA256]);
    assert_eq!(machine.code(&only256), 0);
    machine.boot(b"boot").unwrap();
    let policy = Policy { selection: Some(selection), ..default() };
    let refused = machine.custody(|custody| custody.first_start(&policy)).unwrap_err();
    let pcrs = PcrMask::of(&[5]);
    assert_eq!(refused, CustodyError::NotAllocated { bank: HashAlgorithm::SHA512, pcrs });
    let sealed = forced(&mut machine, policy, "sha256:7");
    machine.boot(b"stick").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Err(changed(&[7])));
}

/// Seals by force, and says to what.
fn forced(machine: &mut Machine, policy: Policy, to: &str) -> SealedSecret {
    let policy = Policy { force: Force::Yes, ..policy };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let overview = inspect(&sealed).unwrap();
    assert!(overview.forced);
    assert_eq!(
        overview.states[0].state.selection().to_string(),
        to,
        "what holds, not what was said"
    );
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Ok(secret));
    sealed
}

#[test]
fn where_nothing_of_a_forced_policy_is_allocated_the_tpm_alone_decides() {
    let (Some(mut machine), Some(mut other)) = (Machine::tpm20(), Machine::tpm20()) else { return };
    let only256 = tpm_wire::tpm20::pcr_allocate(&HashAlgorithm::ALL, &[HashAlgorithm::SHA256]);
    assert_eq!(machine.code(&only256), 0);
    machine.boot(b"boot").unwrap();
    let selection = Some(PcrSelection::parse("sha384:5,7").unwrap());
    let sealed = forced(&mut machine, Policy { selection, ..default() }, "none");
    machine.boot(b"stick").unwrap();
    assert!(machine.custody(|custody| custody.unseal(&sealed)).is_ok(), "any boot will do");
    let moved = other.custody(|custody| custody.unseal(&sealed));
    assert_eq!(moved, Err(CustodyError::OtherTpm));
    let nothing = Policy { selection: Some(PcrSelection::nothing()), ..default() };
    let refused = machine.custody(|custody| custody.first_start(&nothing)).unwrap_err();
    assert_eq!(refused, CustodyError::NothingSelected);
}

#[test]
fn a_stricter_policy_needs_a_recovery_key_first() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let strict = PcrSelection::parse("sha256:0,1,2,3,4,5,6,7+sha384:0,4").unwrap();
    let strict = Policy { selection: Some(strict), ..default() };
    let refused = machine.custody(|custody| custody.first_start(&strict)).unwrap_err();
    assert_eq!(refused, CustodyError::NeedsRecoveryKey);
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    let (sealed, _key) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    let sealed = machine.custody(|custody| custody.reseal(&sealed, &secret, &strict)).unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    machine.measure(4, b"new grub");
    assert!(matches!(
        machine.custody(|custody| custody.unseal(&sealed)),
        Err(CustodyError::PcrsChanged(_))
    ));
}

#[test]
fn a_bank_that_is_taken_away_later_is_named() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (_, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    let only1 = tpm_wire::tpm20::pcr_allocate(&HashAlgorithm::ALL, &[HashAlgorithm::SHA1]);
    assert_eq!(machine.code(&only1), 0);
    machine.boot(b"boot").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Err(changed(&[5, 7])));
    // a first start there takes the bank there is
    let (_, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    let states = inspect(&sealed).unwrap().states;
    assert_eq!(states[0].state.selection().banks()[0].0, HashAlgorithm::SHA1);
}

#[test]
fn a_blank_state_to_come_is_refused_like_a_blank_present_one() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let selection = PcrSelection::default_in(HashAlgorithm::SHA256);
    let blank = PcrState::new(selection, vec![vec![0; 32]; 2]).unwrap();
    let policy = Policy { also: vec![blank], ..default() };
    let refused = machine.custody(|custody| custody.first_start(&policy)).unwrap_err();
    assert!(matches!(refused, CustodyError::Unmeasured { .. }), "{refused}");
}

#[test]
fn pcrs_without_a_measurement_are_zeros_or_ones() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&default())).unwrap();
    let (sealed, _) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    // 16 can be reset by anybody and is zeros; 17 to 22 are ones until a dynamic launch
    for (text, pcr) in [("sha256:7,16", 16), ("sha256:7,17", 17), ("sha256:5,22", 22)] {
        let selection = Some(PcrSelection::parse(text).unwrap());
        let policy = Policy { selection, ..default() };
        let refused = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy));
        let (bank, pcrs) = (HashAlgorithm::SHA256, PcrMask::of(&[pcr]));
        assert_eq!(refused, Err(CustodyError::Unmeasured { bank, pcrs }));
        let forced = Policy { force: Force::Yes, ..policy };
        let forced = machine.custody(|custody| custody.reseal(&sealed, &secret, &forced)).unwrap();
        assert_eq!(machine.custody(|custody| custody.unseal(&forced)).unwrap(), secret);
    }
}

#[test]
fn a_bank_of_which_the_tpm_has_fewer_pcrs_than_were_asked_for_is_refused() {
    let Some(mut machine) = Machine::tpm20() else { return };
    // TPM2_PCR_Allocate: PCRs 0 to 7 and the last eight of SHA-384, all of the others
    let start = tpm_wire::tpm20::authorised(tpm_wire::tpm20::CommandCode(0x12B), 0x4000_000C, &[]);
    let start = start.u32(2).u16(HashAlgorithm::SHA256.0).u8(3).bytes(&[0xFF; 3]);
    let command = start.u16(HashAlgorithm::SHA384.0).u8(3).bytes(&[0xFF, 0, 0xFF]).finish();
    assert_eq!(machine.code(&command), 0);
    machine.boot(b"boot").unwrap();
    let selection = Some(PcrSelection::parse("sha384:7,8,9").unwrap());
    let policy = Policy { selection, ..default() };
    let refused = machine.custody(|custody| custody.first_start(&policy)).unwrap_err();
    let pcrs = PcrMask::of(&[8, 9]);
    assert_eq!(refused, CustodyError::NotAllocated { bank: HashAlgorithm::SHA384, pcrs });
    forced(&mut machine, policy, "sha384:7");
}

/// What decides whether a recovery is one to another TPM.
#[test]
fn the_same_tpm_is_known_also_after_another_boot() {
    let (Some(mut one), Some(mut other)) = (Machine::tpm20(), Machine::tpm20()) else { return };
    let policy = Policy::default();
    let (secret, sealed) = one.custody(|custody| custody.first_start(&policy)).unwrap();
    one.boot(b"another chain").unwrap();
    for (machine, elsewhere) in [(&mut one, false), (&mut other, true)] {
        let now = machine.custody(|custody| custody.begin_anew(&sealed, &secret, &policy)).unwrap();
        let told = machine.custody(|custody| custody.came_from_elsewhere(&sealed, &now));
        assert_eq!(told, Ok(elsewhere));
    }
}
