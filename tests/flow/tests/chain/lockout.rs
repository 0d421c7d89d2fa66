//! Ordinary reboots do not lock a TPM.

use flow_tests::packets::key::{self, Kind, Template};
use flow_tests::packets::{flush, handle, response_code};
use flow_tests::{Chain, Guest};
use tpm_wire::tpm20::{self, Capability, Property, ResponseCode, get_capability};

const PASSWORD: &[u8] = b"correct";

/// Makes a key whose password is protected against guessing and uses it as programs do: the first
/// use in a boot is answered "again".
fn use_a_protected_key(chain: &mut Chain, guest: &mut Guest) {
    let template = Template { password: PASSWORD, ..Template::new(Kind::EccSigning) };
    let key = handle(&guest.succeed(chain, &template.create_primary()));
    let sign = key::sign(key, PASSWORD, &[7; 32]);
    let first = response_code(&guest.send(chain, &sign));
    assert!([0, ResponseCode::RETRY.0].contains(&first), "{first:#x}");
    guest.succeed(chain, &sign);
    guest.succeed(chain, &flush(key));
}

fn lockout_counter(chain: &mut Chain, guest: &mut Guest) -> u32 {
    let wanted = Property::LOCKOUT_COUNTER;
    let answer = guest.succeed(chain, &get_capability(Capability::TPM_PROPERTIES, wanted, 1));
    tpm20::property(&answer, wanted).unwrap().expect("a TPM has a lockout counter")
}

#[test]
fn ten_reboots_after_the_use_of_a_protected_key_leave_the_lockout_counter_at_zero() {
    let mut chain = Chain::start("tpm2 ephemeral");
    let mut guest = Guest::boot(&mut chain, 1);
    for _ in 0..10 {
        use_a_protected_key(&mut chain, &mut guest);
        guest = guest.reboot(&mut chain);
        assert_eq!(lockout_counter(&mut chain, &mut guest), 0);
    }
}

#[test]
fn ten_destroys_after_the_use_of_a_protected_key_leave_the_lockout_counter_at_zero() {
    let mut chain = Chain::start("tpm2 ephemeral");
    for number in 1..=10 {
        let mut guest = Guest::boot(&mut chain, number);
        assert_eq!(lockout_counter(&mut chain, &mut guest), 0);
        use_a_protected_key(&mut chain, &mut guest);
        guest.destroy(&mut chain);
    }
    let mut last = Guest::boot(&mut chain, 11);
    assert_eq!(lockout_counter(&mut chain, &mut last), 0);
}
