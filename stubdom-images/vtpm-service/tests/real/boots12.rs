//! A TPM 1.2's manufacture and boots.

use crate::rig::{Rig, guest};
use tpm_wire::tpm12::{
    Capability, PhysicalPresence, Property, StartupType, TpmResult, get_capability,
    physical_presence, read_pubek, startup,
};
use tpm_wire::{PacketBuilder, Tag};

fn command(ordinal: u32) -> PacketBuilder {
    PacketBuilder::new(Tag::RQU_COMMAND, ordinal)
}

fn flags(rig: &mut Rig, which: Property) -> Vec<bool> {
    let response = rig.succeed(&get_capability(Capability::FLAG, &which.0.to_be_bytes()));
    response[16..].iter().map(|byte| *byte != 0).collect()
}

fn pcr(rig: &mut Rig, number: u32) -> Vec<u8> {
    rig.succeed(&command(0x15).u32(number).finish())[10..].to_vec()
}

fn extend(rig: &mut Rig, number: u32) -> Vec<u8> {
    rig.succeed(&command(0x14).u32(number).bytes(&[0xAB; 20]).finish());
    pcr(rig, number)
}

#[test]
fn a_new_tpm_has_an_endorsement_key_that_stays() {
    let mut rig = Rig::new("ephemeral");
    let key = |rig: &mut Rig| rig.succeed(&read_pubek([1; 20]))[10..10 + 284].to_vec();
    let before = key(&mut rig);
    rig.reboot(1);
    assert_eq!(key(&mut rig), before);
}

#[test]
fn a_new_tpm_is_enabled_activated_and_may_be_owned_at_every_boot() {
    let mut rig = Rig::new("ephemeral");
    for number in 1..3 {
        let permanent = flags(&mut rig, Property::FLAG_PERMANENT);
        let (disabled, ownable, deactivated) = (permanent[0], permanent[1], permanent[2]);
        assert_eq!((disabled, ownable, deactivated), (false, true, false));
        assert!(!flags(&mut rig, Property::FLAG_VOLATILE)[0], "deactivated");
        rig.reboot(number);
    }
}

/// TPM_TakeOwnership with authorisation that cannot be decrypted: the refusal shows how far it got.
#[test]
fn ownership_is_refused_for_the_ciphertext_and_not_for_the_tpm_s_state() {
    const OIAP: u32 = 0x0A;
    const TAKE_OWNERSHIP: u32 = 0x0D;
    let mut rig = Rig::new("ephemeral");
    let session = rig.succeed(&command(OIAP).finish())[10..14].to_vec();
    let key = [0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12, 0, 0, 8, 0, 0, 0, 0, 2, 0, 0, 0, 0];
    let root_key = [&[1, 1, 0, 0, 0, 0x11, 0, 0, 0, 0, 1][..], &key, &[0; 12]].concat();
    let encrypted = [&[0, 0, 1, 0][..], &[0x55; 256]].concat();
    let packet = PacketBuilder::new(Tag::RQU_AUTH1_COMMAND, TAKE_OWNERSHIP)
        .u16(5)
        .bytes(&encrypted)
        .bytes(&encrypted)
        .bytes(&root_key)
        .bytes(&session)
        .bytes(&[0; 20 + 1 + 20])
        .finish();
    const DECRYPT_ERROR: u32 = 0x21;
    assert_eq!(rig.code(&packet), DECRYPT_ERROR);
}

#[test]
fn physical_presence_is_asserted_at_every_boot_and_cannot_be_taken_away() {
    let mut rig = Rig::new("ephemeral");
    for number in 1..3 {
        let present = 2;
        assert!(flags(&mut rig, Property::FLAG_VOLATILE)[present], "guest {number}");
        rig.succeed(&command(0x70).finish());
        rig.succeed(&command(0x6F).finish());
        for locked in [PhysicalPresence(0x0100), PhysicalPresence::LIFETIME_LOCK] {
            assert_ne!(rig.code(&physical_presence(locked)), 0, "guest {number}");
        }
        rig.reboot(number);
    }
}

#[test]
fn a_new_guest_finds_blank_pcrs_and_the_same_guest_its_own() {
    let mut rig = Rig::new("ephemeral");
    let measured = extend(&mut rig, 8);
    rig.service.guest_gone(guest(1)).unwrap();
    rig.attach(1).unwrap();
    assert_eq!(pcr(&mut rig, 8), measured);
    rig.reboot(1);
    assert_eq!(pcr(&mut rig, 8), [0; 20]);
}

#[test]
fn a_guest_s_startup_is_answered_as_after_firmware() {
    let mut rig = Rig::new("ephemeral");
    let expected = TpmResult::INVALID_POSTINIT.0;
    assert_eq!(rig.code(&startup(StartupType::CLEAR)), expected);
}

#[test]
fn deactivated_holds_for_every_guest() {
    let mut rig = Rig::new("ephemeral deactivated");
    for number in 1..3 {
        assert!(flags(&mut rig, Property::FLAG_VOLATILE)[0], "guest {number}");
        rig.reboot(number);
    }
}

#[test]
fn save_on_a_new_tpm_begins_a_fresh_boot() {
    let mut rig = Rig::new("ephemeral save");
    assert_eq!(pcr(&mut rig, 0), [0; 20]);
    rig.service.shutdown().unwrap();
}

#[test]
fn what_a_stock_driver_asks_first_has_believable_answers() {
    let mut rig = Rig::new("ephemeral");
    let mut numbers = |property: Property| -> Vec<u32> {
        let ask = get_capability(Capability::PROPERTY, &property.0.to_be_bytes());
        let response = rig.succeed(&ask);
        let words = response[14..].chunks(4).map(|word| word.try_into().unwrap());
        words.map(u32::from_be_bytes).collect()
    };
    let (timeouts, durations) = (numbers(Property::TIS_TIMEOUT), numbers(Property::DURATION));
    assert_eq!((timeouts.len(), durations.len()), (4, 3));
    assert!(timeouts.iter().all(|timeout| *timeout >= 750_000), "{timeouts:?} microseconds");
    assert!(durations.iter().all(|duration| *duration >= 2_000_000), "{durations:?} microseconds");
}

#[test]
fn every_command_of_the_sysfs_files_is_answered() {
    let mut rig = Rig::new("ephemeral");
    for property in [Property::PCR, Property::MANUFACTURER, Property::OWNER] {
        rig.succeed(&get_capability(Capability::PROPERTY, &property.0.to_be_bytes()));
    }
    for version in [Capability::VERSION, Capability::VERSION_VAL] {
        rig.succeed(&get_capability(version, &[]));
    }
    rig.succeed(&command(0x46).u32(128).finish());
    rig.succeed(&command(0x53).finish());
}
