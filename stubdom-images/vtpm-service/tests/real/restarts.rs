//! The vTPM domain itself stops and starts again with the state that was kept.

use crate::packets::{create_signing_key, pcr, property, sign};
use crate::rig::{Rig, guest};
use domain_io::DomainId;
use tpm_wire::tpm12::{
    Capability, PhysicalPresence, Property as TpmProperty, get_capability, physical_presence,
};
use tpm_wire::tpm20::{HashAlgorithm, Property, pcr_extend};
use vtpm_service::{AttachError, Origin, Past, Refusal};

const GUEST_1_LIVES: fn() -> Past = || Past { living: vec![DomainId(1)], last: Some(DomainId(1)) };

fn measure(rig: &mut Rig) -> Option<Vec<u8>> {
    rig.succeed(&pcr_extend(8, &[(HashAlgorithm::SHA256, vec![0xAB; 32])]));
    pcr(rig, HashAlgorithm::SHA256, 8)
}

#[test]
fn keys_survive_and_pcrs_do_not() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let key = rig.succeed(&create_signing_key(b"pw"));
    measure(&mut rig);
    let mut rig = rig.restart("tpm2 ephemeral", Origin::Kept(Past::default()));
    rig.attach(1).unwrap();
    assert_eq!(rig.succeed(&create_signing_key(b"pw"))[..100], key[..100]);
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), Some(vec![0; 32]));
}

#[test]
fn a_guest_that_lived_through_it_is_refused() {
    let rig = Rig::new("tpm2 ephemeral");
    let mut rig = rig.restart("tpm2 ephemeral", Origin::Kept(GUEST_1_LIVES()));
    let expected = Refusal::LostPcrs { domain: DomainId(1) };
    assert_eq!(rig.attach(1), Err(AttachError::Refused(expected)));
    rig.attach(2).unwrap();
}

#[test]
fn a_guest_that_lived_through_it_gets_blank_pcrs_when_that_was_allowed() {
    let line = "tpm2 ephemeral reattach=blank-pcrs";
    let mut rig = Rig::new(line);
    measure(&mut rig);
    let mut rig = rig.restart(line, Origin::Kept(GUEST_1_LIVES()));
    rig.attach(1).unwrap();
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), Some(vec![0; 32]));
}

#[test]
fn save_goes_on_with_the_boot_of_a_tpm_20_for_the_same_guest_only() {
    let line = "tpm2 ephemeral save";
    let mut rig = Rig::new(line);
    let measured = measure(&mut rig);
    let mut rig = rig.restart(line, Origin::Kept(GUEST_1_LIVES()));
    rig.attach(1).unwrap();
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), measured);
    let mut rig = rig.restart(line, Origin::Kept(GUEST_1_LIVES()));
    rig.attach(2).unwrap();
    assert_eq!(pcr(&mut rig, HashAlgorithm::SHA256, 8), Some(vec![0; 32]));
}

#[test]
fn save_goes_on_with_the_boot_of_a_tpm_12() {
    let extend = [&[0x00, 0xC1, 0, 0, 0, 34, 0, 0, 0, 0x14, 0, 0, 0, 8][..], &[0xAB; 20]].concat();
    let read = [0x00, 0xC1, 0, 0, 0, 14, 0, 0, 0, 0x15, 0, 0, 0, 8];
    let mut rig = Rig::new("ephemeral save");
    rig.succeed(&extend);
    let measured = rig.succeed(&read);
    let mut rig = rig.restart("ephemeral save", Origin::Kept(GUEST_1_LIVES()));
    rig.attach(1).unwrap();
    assert_eq!(rig.succeed(&read), measured);
    rig.reboot(1);
    assert_eq!(rig.succeed(&read)[10..], [0; 20]);
}

/// Physical presence as `TPM_STCLEAR_FLAGS` has it: asserted, and locked until the boot ends.
fn presence(rig: &mut Rig) -> [bool; 2] {
    let ask = get_capability(Capability::FLAG, &TpmProperty::FLAG_VOLATILE.0.to_be_bytes());
    let response = rig.succeed(&ask);
    [response[18] != 0, response[19] != 0]
}

#[test]
fn save_goes_on_with_physical_presence_as_the_guest_of_a_tpm_12_left_it() {
    const LOCK: PhysicalPresence = PhysicalPresence(0x0004);
    const NOT_PRESENT: PhysicalPresence = PhysicalPresence(0x0010);
    for (what, left) in [
        (PhysicalPresence::PRESENT, [true, false]),
        (NOT_PRESENT, [false, false]),
        (LOCK, [false, true]),
    ] {
        let mut rig = Rig::new("ephemeral save");
        rig.succeed(&physical_presence(what));
        let mut rig = rig.restart("ephemeral save", Origin::Kept(GUEST_1_LIVES()));
        rig.attach(1).unwrap();
        assert_eq!(presence(&mut rig), left, "{what:?}");
        rig.reboot(1);
        assert_eq!(presence(&mut rig), [true, false], "the next guest's, after {what:?}");
    }
}

#[test]
fn a_resumed_platform_hierarchy_is_still_closed() {
    let rig = Rig::new("tpm2 ephemeral save");
    let mut rig = rig.restart("tpm2 ephemeral save", Origin::Kept(GUEST_1_LIVES()));
    rig.attach(1).unwrap();
    assert_ne!(rig.code(&crate::packets::clear(crate::packets::PLATFORM)), 0);
}

#[test]
fn orderly_stops_of_the_domain_leave_the_lockout_counter_at_zero() {
    let mut rig = Rig::new("tpm2 ephemeral");
    for _ in 0..4 {
        let key = rig.succeed(&create_signing_key(b"pw"));
        let handle = u32::from_be_bytes(key[10..14].try_into().unwrap());
        while rig.code(&sign(handle, b"pw")) != 0 {}
        rig = rig.restart("tpm2 ephemeral", Origin::Kept(Past::default()));
        rig.attach(1).unwrap();
    }
    assert_eq!(property(&mut rig, Property::LOCKOUT_COUNTER), 0);
    rig.service.guest_gone(guest(1)).unwrap();
}
