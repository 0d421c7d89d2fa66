//! Somebody sits between the manager and a TPM 2.0, or has the disk.

mod support;

use peers::Family;
use std::cell::Cell;
use std::rc::Rc;
use support::Machine;
use tpm_wire::{PacketBuilder, Tag, TpmVersion};
use vtpm_custody::{CustodyError, Policy, recover, set_recovery_key};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

const PCR_READ: u32 = 0x17E;
const CREATE: u32 = 0x153;
const CREATE_PRIMARY: u32 = 0x131;
const LOAD: u32 = 0x157;
const UNSEAL: u32 = 0x15E;
const GET_CAPABILITY: u32 = 0x17A;

fn sealed(machine: &mut Machine) -> (Secret, SealedSecret) {
    machine.custody(|custody| custody.first_start(&Policy::default())).unwrap()
}

fn unseal(machine: &mut Machine, sealed: &SealedSecret) -> Result<Secret, CustodyError> {
    machine.custody(|custody| custody.unseal(sealed))
}

/// Flips a bit of byte `at` in each answer to `code` that is long enough, until the test takes the
/// liar away. Tells whether it lied.
fn lie(machine: &mut Machine, code: u32, at: usize) -> Rc<Cell<bool>> {
    let lied = Rc::new(Cell::new(false));
    let tell = lied.clone();
    machine.tamper = Some(Box::new(move |of, response| {
        if of == code && at < response.len() {
            response[at] ^= 0x04;
            tell.set(true);
        }
    }));
    lied
}

#[test]
fn no_changed_byte_of_an_authenticated_answer_is_believed() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = sealed(&mut machine);
    // behind the header and, for Load, the handle, which is not part of what is authenticated
    for (code, from, least) in [(UNSEAL, 10, 107), (PCR_READ, 10, 150), (LOAD, 14, 107)] {
        let mut lies = 0;
        for at in from.. {
            let lied = lie(&mut machine, code, at);
            let result = unseal(&mut machine, &sealed);
            if !lied.get() {
                break;
            }
            assert!(result.is_err(), "{code:#x}, byte {at}");
            lies += 1;
        }
        assert!(lies >= least, "{code:#x}: {lies} bytes");
    }
    machine.tamper = None;
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
}

#[test]
fn a_lie_about_pcrs_or_about_what_was_made_is_noticed_when_sealing() {
    let Some(mut machine) = Machine::tpm20() else { return };
    for (code, at, step) in [(PCR_READ, 60, "TPM2_PCR_Read"), (CREATE, 60, "TPM2_Create")] {
        lie(&mut machine, code, at);
        let result = machine.custody(|custody| custody.first_start(&Policy::default()));
        assert_eq!(result.map(|_| ()), Err(CustodyError::NotAuthentic { step }));
    }
}

#[test]
fn an_impostor_key_is_not_the_recorded_parent() {
    let (Some(mut machine), Some(mut impostor)) = (Machine::tpm20(), Machine::tpm20()) else {
        return;
    };
    let (_, sealed) = sealed(&mut machine);
    // the impostor's own key takes the place of the TPM's
    impostor.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    let is_answer = |packet: &&Vec<u8>| packet.len() > 100 && packet[..2] == [0x80, 2];
    let answers: Vec<_> = impostor.heard.iter().filter(is_answer).cloned().collect();
    let own = answers.iter().find(|packet| packet[10..14] == [0x80, 0, 0, 0]).unwrap().clone();
    machine.tamper = Some(Box::new(move |code, response| {
        if code == CREATE_PRIMARY {
            *response = own.clone();
        }
    }));
    let refused = unseal(&mut machine, &sealed);
    assert_eq!(refused, Err(CustodyError::OtherTpm));
}

#[test]
fn each_flipped_byte_on_the_disk_is_an_error_and_never_another_secret() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = sealed(&mut machine);
    let (sealed, key) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    for at in 0..sealed.blob.len() {
        let mut flipped = sealed.clone();
        flipped.blob[at] ^= 0x20;
        assert!(unseal(&mut machine, &flipped).is_err(), "byte {at}");
        if let Ok(recovered) = recover(&flipped, &key) {
            assert_eq!(recovered, secret, "byte {at}");
        }
    }
    // nothing was left loaded on any of those ways
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
}

#[test]
fn values_on_the_disk_do_not_decide_the_tpm_does() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (_, mut old) = sealed(&mut machine);
    machine.boot(b"stick").unwrap();
    let (_, here) = sealed(&mut machine);
    let values = old.blob.len() - 32 - 64..old.blob.len() - 32;
    old.blob[values.clone()].copy_from_slice(&here.blob[values]);
    let refused = unseal(&mut machine, &old).unwrap_err();
    assert!(matches!(refused, CustodyError::PolicyFailed { step: "TPM2_Unseal", .. }), "{refused}");
}

#[test]
fn a_tpm_without_p256_is_used_through_rsa() {
    let Some(mut machine) = Machine::tpm20() else { return };
    machine.tamper = Some(Box::new(|code, response| {
        let curves = response.len() > 19 && response[11..15] == [0, 0, 0, 8];
        if code == GET_CAPABILITY && curves {
            *response = PacketBuilder::new(Tag::NO_SESSIONS, 0).u8(0).u32(8).u32(0).finish();
        }
    }));
    let (secret, sealed) = sealed(&mut machine);
    let created_rsa = |packet: &Vec<u8>| packet.windows(4).any(|part| part == [0, 1, 0, 0x0B]);
    assert!(machine.heard.iter().any(created_rsa));
    machine.boot(b"boot").unwrap();
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
    assert!(!machine.was_heard(secret.bytes()));
}

#[test]
fn a_busy_tpm_is_asked_again_and_given_up_in_the_end() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = sealed(&mut machine);
    for busy in [0x922, 0x908, 0x90A, 0x920] {
        // answered instead of three commands before they run
        machine.busy = (busy, 3);
        assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
        machine.busy = (busy, u32::MAX);
        let refused = unseal(&mut machine, &sealed).unwrap_err();
        assert_eq!(refused, CustodyError::Busy { step: "TPM2_CreatePrimary", code: busy });
        machine.busy = (0, 0);
        machine.boot(b"boot").unwrap();
    }
}

#[test]
fn a_word_that_changes_the_version_is_refused_over_existing_state() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (_, sealed) = sealed(&mut machine);
    let Some(mut other) = Machine::blank(Family::Tpm12, TpmVersion::Tpm12) else { return };
    let heard = other.heard.len();
    let refused = unseal(&mut other, &sealed).unwrap_err();
    assert!(matches!(refused, CustodyError::OtherKind { .. }));
    assert!(refused.to_string().contains("sealed to a TPM 2.0, but a TPM 1.2 is in use"));
    assert_eq!(other.heard.len(), heard, "the TPM is not even asked");
}

#[test]
fn a_version_word_that_was_dropped_or_added_is_refused_until_that_is_said() {
    let Some(mut machine) = Machine::tpm20() else { return };
    for recorded in [true, false] {
        machine.access.tpm2 = recorded;
        let (secret, sealed) = sealed(&mut machine);
        assert_eq!(unseal(&mut machine, &sealed), Ok(secret.clone()));
        assert_eq!(machine.custody(|custody| custody.record_word(&sealed, &secret)), Ok(None));
        machine.access.tpm2 = !recorded;
        let heard = machine.heard.len();
        let refused = unseal(&mut machine, &sealed).unwrap_err();
        assert_eq!(refused, CustodyError::WordChanged { recorded });
        let remedy = if recorded { "put tpm2 back" } else { "take tpm2 out" };
        let text = refused.to_string();
        assert!(text.contains(remedy) && text.contains("version=changed once"), "{text}");
        assert_eq!(machine.heard.len(), heard, "the TPM is not even asked");
        machine.access.version_changed = true;
        assert_eq!(unseal(&mut machine, &sealed), Ok(secret.clone()));
        let renewed = machine.custody(|custody| custody.record_word(&sealed, &secret)).unwrap();
        machine.access.version_changed = false;
        assert_eq!(unseal(&mut machine, &renewed.expect("it is recorded")), Ok(secret));
    }
}

#[test]
fn sealing_anew_records_the_version_word_as_it_is_then() {
    let Some(mut machine) = Machine::tpm20() else { return };
    machine.access.tpm2 = true;
    let (secret, with) = sealed(&mut machine);
    machine.access.tpm2 = false;
    let policy = Policy::default();
    let anew = machine.custody(|custody| custody.reseal(&with, &secret, &policy)).unwrap();
    assert_eq!(unseal(&mut machine, &anew), Ok(secret));
}

#[test]
fn no_answer_cut_short_or_blown_up_harms_more_than_its_own_command() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = sealed(&mut machine);
    let before = machine.heard.len();
    unseal(&mut machine, &sealed).unwrap();
    let commands = (machine.heard.len() - before) / 2;
    for nth in 0..commands {
        for change in
            [Change::Cut(10), Change::Cut(14), Change::Cut(40), Change::Ones, Change::Longer]
        {
            let mut seen = 0;
            machine.tamper = Some(Box::new(move |_, response| {
                if seen == nth {
                    change.apply(response);
                }
                seen += 1;
            }));
            let result = unseal(&mut machine, &sealed);
            assert!(result.is_err() || result == Ok(secret.clone()), "{nth}, {change:?}");
            machine.tamper = None;
            tpm_hw::flush(&mut machine, TpmVersion::Tpm20, &vtpm_custody::is_ours).unwrap();
        }
    }
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Cut(usize),
    Ones,
    Longer,
}

impl Change {
    fn apply(self, response: &mut Vec<u8>) {
        match self {
            Self::Cut(length) => response.truncate(length),
            Self::Ones => response[10..].fill(0xFF),
            Self::Longer => response.extend([0xFF; 9]),
        }
        let length = u32::try_from(response.len()).unwrap().to_be_bytes();
        response[2..6].copy_from_slice(&length);
    }
}

/// A manager that was killed in the middle: everything it had loaded is recognised, and nothing else.
#[test]
fn what_a_killed_manager_left_is_recognised() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let (secret, sealed) = sealed(&mut machine);
    // from the unsealing on nothing is flushed: the answer to TPM2_FlushContext comes, the command
    // does not
    machine.loses = Some(0x165);
    let _ = unseal(&mut machine, &sealed);
    machine.loses = None;
    let flushed = tpm_hw::flush(&mut machine, TpmVersion::Tpm20, &vtpm_custody::is_ours).unwrap();
    assert!(flushed.objects > 0 && flushed.sessions > 0, "{flushed}");
    assert_eq!((flushed.left_objects, flushed.left_sessions), (0, 0), "{flushed}");
    assert_eq!(unseal(&mut machine, &sealed).unwrap(), secret);
}
