//! The counter in a real software TPM 2.0.

mod support;

use support::Machine;
use tpm_wire::tpm20::{self, CommandCode, Handle};
use vtpm_custody::{
    COUNTER_INDEX, Custody, CustodyError, Former, FoundCounter, Leftover, MadeCounter, Policy,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

const NV_READ: u32 = 0x14E;

fn started() -> Option<(Machine, Secret, SealedSecret)> {
    let mut machine = Machine::tpm20()?;
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    Some((machine, secret, sealed))
}

fn made(custody: &mut Custody<'_>, kept: (&Secret, &SealedSecret)) -> MadeCounter {
    custody.make_counter(kept.1, kept.0, Former::Keep).unwrap()
}

/// `TPM2_NV_UndefineSpace` by the owner.
fn undefine(machine: &mut Machine) {
    let start = tpm_wire::PacketBuilder::new(tpm_wire::Tag::SESSIONS, 0x122);
    let undefine = start.u32(0x4000_0001).u32(COUNTER_INDEX).u32(9).u32(Handle::PASSWORD.0);
    assert_eq!(machine.code(&undefine.u16(0).u8(0).u16(0).finish()), 0);
}

fn value_of(found: Option<FoundCounter>) -> Option<u64> {
    found.map(|found| found.value)
}

#[test]
fn a_counter_goes_forward_by_one_and_outlives_a_power_cut() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let (last, sealed) = machine.custody(|custody| {
        let MadeCounter { mut counter, value, sealed, .. } = made(custody, (&secret, &sealed));
        for step in 1..=5 {
            assert_eq!(custody.increment_counter(&mut counter), Ok(value + step));
        }
        assert_eq!(custody.read_counter(&mut counter), Ok(value + 5));
        (value + 5, sealed)
    });
    // no TPM2_Shutdown: the power goes
    machine.boot(b"boot").unwrap();
    machine.custody(|custody| {
        assert_eq!(custody.unseal(&sealed).unwrap(), secret, "the record is in the sealed blob");
        let found = custody.counter(&sealed, &secret).unwrap().unwrap();
        let FoundCounter { mut counter, value, .. } = found;
        assert_eq!(value, last, "an orderly counter would have jumped");
        assert_eq!(custody.increment_counter(&mut counter), Ok(last + 1));
        custody.close_counter(counter);
    });
}

#[test]
fn a_second_counter_is_refused_and_a_missing_one_named() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let with_record = machine.custody(|custody| {
        assert_eq!(value_of(custody.counter(&sealed, &secret).unwrap()), None);
        assert_eq!(custody.leftover_counter(), Ok(None));
        let with_record = made(custody, (&secret, &sealed)).sealed;
        let again = custody.make_counter(&sealed, &secret, Former::Keep).map(|made| made.value);
        assert_eq!(again, Err(CustodyError::CounterExists(COUNTER_INDEX)));
        let unrecorded = custody.counter(&sealed, &secret).map(value_of);
        assert_eq!(unrecorded, Err(CustodyError::ForeignCounter(COUNTER_INDEX)));
        with_record
    });
    undefine(&mut machine);
    machine.custody(|custody| {
        let missing = custody.counter(&with_record, &secret).map(value_of);
        assert_eq!(missing, Err(CustodyError::NoCounter(COUNTER_INDEX)));
        assert_eq!(custody.counter(&sealed, &secret).map(value_of), Ok(None));
    });
}

#[test]
fn the_record_stays_when_the_secret_is_sealed_anew() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| {
        let MadeCounter { sealed, value, .. } = made(custody, (&secret, &sealed));
        let sealed = custody.reseal(&sealed, &secret, &Policy::default()).unwrap();
        assert_eq!(custody.counter(&sealed, &secret).map(value_of), Ok(Some(value)));
    });
    undefine(&mut machine);
}

#[test]
fn another_stores_counter_is_not_taken_for_ours_and_its_value_can_be_told() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| {
        let first = made(custody, (&secret, &sealed)).value;
        let (secret, sealed) = custody.first_start(&Policy::default()).unwrap();
        let foreign = custody.counter(&sealed, &secret).map(value_of);
        assert_eq!(foreign, Err(CustodyError::ForeignCounter(COUNTER_INDEX)));
        assert_eq!(custody.leftover_counter(), Ok(Some(Leftover { value: Some(first) })));
        let anew = custody.make_counter(&sealed, &secret, Former::Remove).unwrap();
        assert!(anew.value > first);
        assert_eq!(custody.counter(&anew.sealed, &secret).map(value_of), Ok(Some(anew.value)));
    });
}

#[test]
fn a_counter_made_anew_never_starts_below_the_one_before() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let define = |machine: &mut Machine| {
        machine.custody(|custody| {
            let MadeCounter { mut counter, .. } = made(custody, (&secret, &sealed));
            custody.increment_counter(&mut counter).unwrap()
        })
    };
    let before = define(&mut machine);
    undefine(&mut machine);
    machine.boot(b"boot").unwrap();
    assert!(define(&mut machine) > before);
}

#[test]
fn an_index_like_ours_with_another_authorisation_is_foreign() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let sealed = machine.custody(|custody| made(custody, (&secret, &sealed)).sealed);
    undefine(&mut machine);
    // The same public area, hence the same Name, under another store's authorisation.
    machine.custody(|custody| {
        let (other, its_seal) = custody.first_start(&Policy::default()).unwrap();
        made(custody, (&other, &its_seal));
    });
    let found = machine.custody(|custody| custody.counter(&sealed, &secret).map(value_of));
    assert_eq!(found, Err(CustodyError::ForeignCounter(COUNTER_INDEX)));
}

#[test]
fn a_lie_about_the_counter_is_noticed_and_a_busy_tpm_waited_for() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    let sealed = machine.custody(|custody| made(custody, (&secret, &sealed)).sealed);
    machine.tamper = Some(Box::new(|code, response| {
        if code == NV_READ && response.len() > 23 {
            response[23] ^= 1;
        }
    }));
    let lied = machine.custody(|custody| custody.counter(&sealed, &secret));
    assert_eq!(lied.map(value_of), Err(CustodyError::NotAuthentic { step: "TPM2_NV_Read" }));
    machine.tamper = None;
    let found = machine.custody(|custody| custody.counter(&sealed, &secret)).unwrap();
    let FoundCounter { mut counter, mut value, .. } = found.unwrap();
    // TPM_RC_NV_RATE, TPM_RC_RETRY, TPM_RC_YIELDED
    for code in [0x920, 0x922, 0x908] {
        machine.busy = (code, 5);
        value += 1;
        let next = machine.custody(|custody| custody.increment_counter(&mut counter));
        assert_eq!(next, Ok(value));
    }
}

#[test]
fn nobody_advances_the_counter_without_the_stores_secret() {
    let Some((mut machine, secret, sealed)) = started() else { return };
    machine.custody(|custody| made(custody, (&secret, &sealed)).value);
    let command = tpm20::authorised(CommandCode(0x134), COUNTER_INDEX, &[]).finish();
    let mut with_index = command[..14].to_vec();
    with_index.extend_from_slice(&COUNTER_INDEX.to_be_bytes());
    with_index.extend_from_slice(&command[14..]);
    let length = u32::try_from(with_index.len()).unwrap().to_be_bytes();
    with_index[2..6].copy_from_slice(&length);
    let code = machine.code(&with_index);
    assert_eq!(code & 0xBF, 0xA2, "TPM_RC_BAD_AUTH, which no lockout follows: {code:#x}");
}
