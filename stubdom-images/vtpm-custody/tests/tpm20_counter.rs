//! The counter in a real software TPM 2.0.

mod support;

use support::Machine;
use tpm_wire::tpm20::{self, CommandCode, Handle};
use vtpm_custody::{COUNTER_INDEX, CustodyError, Policy};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

const NV_READ: u32 = 0x14E;

fn started() -> Option<(Machine, Secret, SealedSecret)> {
    let mut machine = Machine::tpm20()?;
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    Some((machine, secret, sealed))
}

#[test]
fn a_counter_goes_forward_by_one_and_outlives_a_power_cut() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let last = machine.custody(|custody| {
        let (mut counter, first) = custody.define_counter(&sealed, &secret, COUNTER_INDEX).unwrap();
        for step in 1..=5 {
            assert_eq!(custody.increment_counter(&mut counter), Ok(first + step));
        }
        assert_eq!(custody.read_counter(&mut counter), Ok(first + 5));
        first + 5
    });
    // no TPM2_Shutdown: the power goes
    machine.boot(b"boot").unwrap();
    machine.custody(|custody| {
        let (mut counter, value) = custody.open_counter(&sealed, &secret, COUNTER_INDEX).unwrap();
        assert_eq!(value, last, "an orderly counter would have jumped");
        assert_eq!(custody.increment_counter(&mut counter), Ok(last + 1));
    });
}

#[test]
fn a_second_counter_is_refused_and_a_missing_one_named() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| {
        let missing = custody.open_counter(&sealed, &secret, COUNTER_INDEX).map(|_| ());
        assert_eq!(missing, Err(CustodyError::NoCounter(COUNTER_INDEX)));
        custody.define_counter(&sealed, &secret, COUNTER_INDEX).unwrap();
        let again = custody.define_counter(&sealed, &secret, COUNTER_INDEX).map(|_| ());
        assert_eq!(again, Err(CustodyError::CounterExists(COUNTER_INDEX)));
    });
}

#[test]
fn another_stores_counter_is_not_taken_for_ours() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| {
        custody.define_counter(&sealed, &secret, COUNTER_INDEX).unwrap();
        let (secret, sealed) = custody.first_start(&Policy::default()).unwrap();
        let foreign = custody.open_counter(&sealed, &secret, COUNTER_INDEX).map(|_| ());
        assert_eq!(foreign, Err(CustodyError::ForeignCounter(COUNTER_INDEX)));
    });
}

#[test]
fn a_counter_made_anew_never_starts_below_the_one_before() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let define = |machine: &mut Machine| {
        machine.custody(|custody| {
            let (mut counter, _) = custody.define_counter(&sealed, &secret, COUNTER_INDEX).unwrap();
            custody.increment_counter(&mut counter).unwrap()
        })
    };
    let before = define(&mut machine);
    // TPM2_NV_UndefineSpace by the owner
    let start = tpm_wire::PacketBuilder::new(tpm_wire::Tag::SESSIONS, 0x122);
    let undefine = start.u32(0x4000_0001).u32(COUNTER_INDEX).u32(9).u32(Handle::PASSWORD.0);
    assert_eq!(machine.code(&undefine.u16(0).u8(0).u16(0).finish()), 0);
    machine.boot(b"boot").unwrap();
    assert!(define(&mut machine) > before);
}

#[test]
fn a_lie_about_the_counter_is_noticed_and_a_busy_tpm_waited_for() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| custody.define_counter(&sealed, &secret, COUNTER_INDEX)).unwrap();
    machine.tamper = Some(Box::new(|code, response| {
        if code == NV_READ && response.len() > 23 {
            response[23] ^= 1;
        }
    }));
    let lied = machine.custody(|custody| custody.open_counter(&sealed, &secret, COUNTER_INDEX));
    assert_eq!(lied.map(|_| ()), Err(CustodyError::NotAuthentic { step: "TPM2_NV_Read" }));
    machine.tamper = None;
    let (mut counter, value) =
        machine.custody(|custody| custody.open_counter(&sealed, &secret, COUNTER_INDEX)).unwrap();
    machine.busy = (0x920, 5);
    let next = machine.custody(|custody| custody.increment_counter(&mut counter));
    assert_eq!(next, Ok(value + 1));
}

#[test]
fn nobody_advances_the_counter_without_the_stores_secret() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| custody.define_counter(&sealed, &secret, COUNTER_INDEX)).unwrap();
    let command = tpm20::authorised(CommandCode(0x134), COUNTER_INDEX, &[]).finish();
    let mut with_index = command[..14].to_vec();
    with_index.extend_from_slice(&COUNTER_INDEX.to_be_bytes());
    with_index.extend_from_slice(&command[14..]);
    let length = u32::try_from(with_index.len()).unwrap().to_be_bytes();
    with_index[2..6].copy_from_slice(&length);
    let code = machine.code(&with_index);
    assert_eq!(code & 0xBF, 0xA2, "TPM_RC_BAD_AUTH, which no lockout follows: {code:#x}");
}
