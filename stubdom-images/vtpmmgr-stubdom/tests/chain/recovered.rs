//! What a recovery key stands in for, and what is said then.

use crate::hardware::{domain_0, policy};
use crate::layer::{Layer, Wire};
use crate::policy::{listen, said_here};
use crate::rig::{Disk, Rig, Vtpm, body, disk};
use crate::rollback::{copy, save, start, start20};
use peers::Family;
use tpm_wire::manager::{Force, PolicyCommand, Request};
use tpm_wire::tpm20::{self, HashAlgorithm};
use vtpm_manager::{OldStore, OpenError};

/// A disk with two saves, a copy of it from before the second, and the recovery key of both.
fn lived(wire: &Wire) -> (Disk, Disk, Vec<u8>) {
    let disk = disk();
    let mut rig = start20(wire, &disk, "tpm2");
    let mut dom0 = domain_0(&mut rig);
    let wanted = PolicyCommand::NewRecoveryKey { replace: Force::No };
    let (status, key) = policy(&mut rig, &mut dom0, &wanted);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!((status, save(&mut rig, &mut vtpm, 1, 1)), (0, 0));
    let old = copy(&disk);
    assert_eq!(save(&mut rig, &mut vtpm, 1, 2), 0);
    rig.shutdown();
    (disk, old, key)
}

fn recover(rig: &mut Rig, key: &[u8]) -> (u32, String) {
    assert!(rig.domain.locked().is_some());
    let mut dom0 = domain_0(rig);
    let (status, why) = policy(rig, &mut dom0, &PolicyCommand::Recover { key, force: Force::Yes });
    (status, String::from_utf8(why).expect("a sentence"))
}

const UNDETECTED: &str = "what was put back before cannot be detected (docs/rollback.md)";

/// Whoever may remove the counter and changes what is measured does not get an old disk accepted by a
/// key that was meant for an update.
#[test]
fn on_the_same_tpm_the_recovery_key_does_not_stand_in_for_accept() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    listen();
    let (_, old, key) = lived(&wire);
    let backup = copy(&old);
    wire.borrow_mut().remove_counter();
    let digests = [(HashAlgorithm::SHA256, vec![3; 32])];
    wire.borrow_mut().transmit(&tpm20::pcr_extend(7, &digests)).expect("extended");
    let mut rig = start20(&wire, &old, "tpm2");
    let (status, why) = recover(&mut rig, &key);
    assert_eq!(status, 9, "{why}");
    assert!(rig.domain.locked().is_some());
    drop(rig);
    let word = why.split_whitespace().find(|word| word.starts_with("accept=")).expect("a word");
    assert!(word.ends_with("/none") && !said_here().contains(UNDETECTED), "{why}");

    let mut rig = start20(&wire, &backup, &format!("tpm2 {word}"));
    assert_eq!(recover(&mut rig, &key), (0, String::new()), "the word and the key");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
    drop((vtpm, rig));
    let again = start(&wire, Family::Tpm20, &old, &format!("tpm2 {word}"));
    assert!(matches!(again, Err(OpenError::Old(OldStore::Lost { .. }))), "not twice");
}

/// To another TPM, and to none: the console says what nobody can tell.
#[test]
fn a_recovery_to_another_machine_says_that_rollback_before_cannot_be_detected() {
    let (Some((_a, first)), Some((_b, second))) =
        (Layer::fresh(Family::Tpm20), Layer::fresh(Family::Tpm20))
    else {
        return;
    };
    listen();
    let (disk, _, key) = lived(&first);
    let moved = copy(&disk);
    let mut rig = start20(&second, &disk, "tpm2");
    assert!(!said_here().contains("cannot be detected"));
    assert_eq!(recover(&mut rig, &key), (0, String::new()));
    assert!(said_here().contains(UNDETECTED), "{}", said_here());
    drop(rig);
    let mut rig = Rig::start(&moved);
    assert_eq!(recover(&mut rig, &key), (0, String::new()));
    let nothing = "there is no hardware TPM to count: what was put back before cannot be detected, \
                   nor can what is from now on";
    assert!(said_here().contains(nothing), "{}", said_here());
}

/// A locked manager is left alone until somebody comes with the key; one that has ended is started again.
#[test]
fn a_hardware_tpm_that_has_no_time_ends_a_start_and_locks_nothing() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let (disk, ..) = lived(&wire);
    wire.borrow_mut().is_busy = true;
    match start(&wire, Family::Tpm20, &disk, "tpm2") {
        Err(OpenError::Root(why)) => assert!(why.0.contains("try again later"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(rig) => panic!("locked: {:?}", rig.domain.locked()),
    }
    wire.borrow_mut().is_busy = false;
    let mut rig = start20(&wire, &disk, "tpm2");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 2).to_vec()));
}
