//! What a TPM 1.2 refuses, and what an administrator is told.

mod support;

use support::Machine;
use tpm_hw::Locality;
use tpm_wire::{PacketBuilder, Tag, TpmVersion};
use vtpm_custody::{CustodyError, Former, Policy};

const READ_PUBEK: u32 = 0x7C;
const CREATE_ENDORSEMENT_KEY: u32 = 0x78;
const INCREMENT_COUNTER: u32 = 0xDD;

fn refusal(code: u32) -> Vec<u8> {
    PacketBuilder::new(Tag(0xC4), code).finish()
}

fn lines(machine: &mut Machine) -> Vec<String> {
    tpm_hw::survey(machine, TpmVersion::Tpm12).unwrap().lines()
}

/// One TPM for all of it: its keys take seconds to make.
#[test]
fn what_a_tpm_1_2_refuses_is_named() {
    let Some(mut machine) = Machine::tpm12() else { return };
    assert_eq!(lines(&mut machine), Vec::<String>::new());

    // A chip that came without an endorsement key and lets nobody make one.
    machine.tamper = Some(Box::new(|code, response| match code {
        READ_PUBEK => *response = refusal(0x23),
        CREATE_ENDORSEMENT_KEY => *response = refusal(0x08),
        _ => {}
    }));
    let policy = Policy::default();
    let refused = machine.custody(|custody| custody.first_start(&policy)).unwrap_err();
    assert_eq!(refused, CustodyError::NoEndorsementKey);
    assert!(refused.to_string().contains("take ownership by other means"), "{refused}");

    machine.tamper = None;
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    assert_eq!(lines(&mut machine), ["hardware TPM: it has an owner already"]);

    // Sealed for locality 1, asked for at locality 0, which is where swtpm's line is.
    machine.access.locality = Locality::new(1).unwrap();
    let refused = machine.custody(|custody| custody.first_start(&policy)).unwrap_err();
    assert_eq!(refused, CustodyError::OtherLocality);
    assert!(refused.to_string().contains("put tpmlocality= back"), "{refused}");
    machine.access.locality = Locality::ZERO;

    // Somebody else's counter was advanced first in this boot.
    let made = machine.custody(|custody| custody.make_counter(&sealed, &secret, Former::Keep));
    let mut counter = made.map_err(|why| panic!("{why}")).unwrap().counter;
    machine.tamper = Some(Box::new(|code, response| {
        if code == INCREMENT_COUNTER {
            *response = refusal(0x45);
        }
    }));
    let refused = machine.custody(|custody| custody.increment_counter(&mut counter)).unwrap_err();
    assert!(matches!(refused, CustodyError::OtherCounterActive(_)), "{refused}");
    assert!(refused.to_string().contains("another counter was"), "{refused}");
}
