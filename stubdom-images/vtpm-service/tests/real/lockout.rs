//! Ordinary reboots do not lock a TPM.

use crate::packets::{create_signing_key, flush, property, sign};
use crate::rig::{Rig, guest};
use tpm_wire::tpm20::{Property, ResponseCode, shutdown};

const PASSWORD: &[u8] = b"correct";

fn make_key(rig: &mut Rig) -> u32 {
    let response = rig.succeed(&create_signing_key(PASSWORD));
    u32::from_be_bytes(response[10..14].try_into().unwrap())
}

/// Uses a password as a well-behaved program does: the first use in a boot is answered "again".
fn use_password(rig: &mut Rig, key: u32, password: &[u8]) -> u32 {
    match rig.code(&sign(key, password)) {
        code if code == ResponseCode::RETRY.0 => rig.code(&sign(key, password)),
        code => code,
    }
}

fn use_a_protected_key(rig: &mut Rig) {
    let key = make_key(rig);
    assert_eq!(use_password(rig, key, PASSWORD), 0);
    rig.succeed(&flush(key));
}

#[test]
fn ten_reboots_and_ten_destroys_after_a_password_leave_the_lockout_counter_at_zero() {
    let mut rig = Rig::new("tpm2 ephemeral");
    for number in 1..=20 {
        use_a_protected_key(&mut rig);
        if number % 2 == 0 {
            rig.reboot(number)
        } else {
            rig.destroy(number)
        }
        assert_eq!(property(&mut rig, Property::LOCKOUT_COUNTER), 0, "guest {number}");
    }
}

#[test]
fn a_guest_that_comes_back_works_on_and_is_stopped_in_order_again() {
    let mut rig = Rig::new("tpm2 ephemeral");
    for _ in 0..4 {
        use_a_protected_key(&mut rig);
        rig.service.guest_closed(guest(1)).unwrap();
        rig.service.guest_connected(guest(1));
        use_a_protected_key(&mut rig);
        rig.service.guest_gone(guest(1)).unwrap();
        rig.attach(1).unwrap();
    }
    use_a_protected_key(&mut rig);
    rig.destroy(1);
    assert_eq!(property(&mut rig, Property::LOCKOUT_COUNTER), 0);
}

#[test]
fn a_guest_s_own_shutdown_does_not_spoil_the_order() {
    let mut rig = Rig::new("tpm2 ephemeral");
    use_a_protected_key(&mut rig);
    rig.succeed(&shutdown(tpm_wire::tpm20::StartupType::CLEAR));
    use_a_protected_key(&mut rig);
    rig.destroy(1);
    assert_eq!(property(&mut rig, Property::LOCKOUT_COUNTER), 0);
}

#[test]
fn a_wrong_password_still_counts() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let key = make_key(&mut rig);
    assert_ne!(use_password(&mut rig, key, b"wrong"), 0);
    assert_eq!(property(&mut rig, Property::LOCKOUT_COUNTER), 1);
    rig.reboot(1);
    assert_eq!(property(&mut rig, Property::LOCKOUT_COUNTER), 1, "a reset forgives nothing");
}

#[test]
fn the_defence_against_guessing_is_the_documented_one() {
    let mut rig = Rig::new("tpm2 ephemeral");
    for (wanted, value) in [
        (Property::MAX_AUTH_FAIL, 32),
        (Property::LOCKOUT_INTERVAL, 600),
        (Property::LOCKOUT_RECOVERY, 86_400),
    ] {
        assert_eq!(property(&mut rig, wanted), value, "{wanted}");
    }
}
