//! A TPM 2.0's manufacture and boots.

use crate::packets::{OWNER, PLATFORM, clear, create_signing_key, pcr};
use crate::rig::{Rig, guest};
use tpm_wire::tpm20::{
    CommandCode, HashAlgorithm, ResponseCode, StartupType, authorised, hierarchy_change_auth,
    pcr_extend, startup,
};
use vtpm_service::{AttachError, Refusal};

fn extend(rig: &mut Rig, number: u32) -> Vec<u8> {
    rig.succeed(&pcr_extend(number, &[(HashAlgorithm::SHA256, vec![0xAB; 32])]));
    pcr(rig, HashAlgorithm::SHA256, number).unwrap()
}

#[test]
fn the_default_banks_are_sha1_and_sha256() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let active = HashAlgorithm::ALL.map(|bank| pcr(&mut rig, bank, 0).is_some());
    assert_eq!(active, [true, true, false, false]);
}

#[test]
fn the_banks_that_are_asked_for_are_there_after_every_reset() {
    let mut rig = Rig::new("tpm2 ephemeral banks=sha512,sha384");
    for number in 1..3 {
        let active = HashAlgorithm::ALL.map(|bank| pcr(&mut rig, bank, 0).is_some());
        assert_eq!(active, [false, false, true, true]);
        rig.reboot(number);
    }
}

#[test]
fn a_new_guest_finds_blank_pcrs_and_the_same_guest_its_own() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let measured = extend(&mut rig, 8);
    rig.service.guest_gone(guest(1)).unwrap();
    rig.attach(1).unwrap();
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), Some(measured));
    rig.reboot(1);
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), Some(vec![0; 32]));
}

#[test]
fn keys_outlive_a_guest_s_reboot() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let before = rig.succeed(&create_signing_key(b"pw"));
    rig.reboot(1);
    let after = rig.succeed(&create_signing_key(b"pw"));
    assert_eq!(before[..100], after[..100], "the same seed makes the same key");
}

#[test]
fn a_guest_s_startup_is_answered_as_after_firmware() {
    let mut rig = Rig::new("tpm2 ephemeral");
    assert_eq!(rig.code(&startup(StartupType::CLEAR)), ResponseCode::INITIALIZE.0);
}

#[test]
fn the_platform_hierarchy_is_closed_at_every_boot() {
    const BAD_AUTH_ON_FIRST_SESSION: u32 = 0x9A2;
    let mut rig = Rig::new("tpm2 ephemeral");
    for number in 1..3 {
        assert_eq!(rig.code(&clear(PLATFORM)), BAD_AUTH_ON_FIRST_SESSION, "guest {number}");
        rig.reboot(number);
    }
}

#[test]
fn the_platform_hierarchy_is_open_when_asked_for() {
    let mut rig = Rig::new("tpm2 ephemeral platform=open");
    rig.succeed(&clear(PLATFORM));
    rig.reboot(1);
    rig.succeed(&clear(PLATFORM));
}

#[test]
fn the_owner_hierarchy_is_the_guest_s() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let owner = tpm_wire::tpm20::Handle(OWNER);
    rig.succeed(&hierarchy_change_auth(owner, &[], b"mine"));
    rig.reboot(1);
    rig.succeed(&hierarchy_change_auth(owner, b"mine", &[]));
}

#[test]
fn save_on_a_new_tpm_begins_a_fresh_boot() {
    let mut rig = Rig::new("tpm2 ephemeral save");
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 0), Some(vec![0; 32]));
    rig.service.shutdown().unwrap();
}

#[test]
fn a_second_frontend_is_refused_and_the_first_served_on() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let measured = extend(&mut rig, 8);
    let refused = rig.attach(2).unwrap_err();
    assert_eq!(refused, AttachError::Refused(Refusal::Occupied { by: guest(1) }));
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), Some(measured));
}

#[test]
fn locality_two_resets_its_pcr_only_for_a_guest_that_may_claim_it() {
    let reset = authorised(CommandCode(0x13D), 20, &[]).finish();
    let mut clamped = Rig::new("tpm2 ephemeral");
    let answer = clamped.send_at(2, &reset);
    assert_eq!(answer[6..10], ResponseCode::LOCALITY.0.to_be_bytes());
    drop(clamped);
    let mut configured = Rig::new("tpm2 ephemeral locality=0,2");
    let answer = configured.send_at(2, &reset);
    assert_eq!(answer[6..10], [0; 4]);
}
