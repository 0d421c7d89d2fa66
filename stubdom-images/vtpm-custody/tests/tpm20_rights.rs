//! Who owns a TPM 2.0, and what was done to it by others.

mod support;

use support::Machine;
use tpm_hw::{Auth, HardwareArguments};
use tpm_wire::tpm20::{self, CommandCode, DictionaryAttack, Handle};
use vtpm_custody::{CustodyError, Former, MadeCounter, Policy, recover, set_recovery_key};

const OWNER: Handle = Handle(0x4000_0001);
const ENDORSEMENT: Handle = Handle(0x4000_000B);
const CLEAR: CommandCode = CommandCode(0x126);
const EVICT_CONTROL: CommandCode = CommandCode(0x120);
const PERSISTENT: u32 = 0x8100_0001;

fn auth(word: &str) -> Auth {
    let mut arguments = HardwareArguments::default();
    arguments.take(word).unwrap();
    arguments.owner_auth
}

fn clear(machine: &mut Machine) {
    let command = tpm20::authorised(CLEAR, Handle::LOCKOUT.0, &[]).finish();
    assert_eq!(machine.code(&command), 0);
}

/// Makes a key as provisioning tools do and keeps it at a persistent handle: an ECC storage key,
/// or with `sign` a key that signs.
fn persist(machine: &mut Machine, sign: bool, no_da: bool) {
    let attributes = if sign { 0x0004_0072_u32 } else { 0x0003_0072 };
    let attributes = attributes | if no_da { 0x400 } else { 0 };
    let symmetric: &[u8] = if sign { &[0, 0x10] } else { &[0, 6, 0, 0x80, 0, 0x43] };
    let public = [
        &[0x00, 0x23, 0x00, 0x0B],
        &attributes.to_be_bytes()[..],
        &[0, 0],
        symmetric,
        &[0, 0x10, 0, 3, 0, 0x10, 0, 0, 0, 0],
    ]
    .concat();
    let create = tpm20::authorised(CommandCode(0x131), OWNER.0, &[]);
    let create = create.sized(&[0; 4]).sized(&public).u16(0).u32(0).finish();
    assert_eq!(machine.code(&create), 0);
    let start = tpm_wire::PacketBuilder::new(tpm_wire::Tag::SESSIONS, EVICT_CONTROL.0);
    let evict = start.u32(OWNER.0).u32(0x8000_0000).u32(9).u32(0x4000_0009).u16(0).u8(0).u16(0);
    assert_eq!(machine.code(&evict.u32(PERSISTENT).finish()), 0);
    tpm_hw::flush(machine, tpm_wire::TpmVersion::Tpm20, &|_| true).unwrap();
}

fn first_start(machine: &mut Machine) -> Result<(), CustodyError> {
    machine.custody(|custody| custody.first_start(&Policy::default())).map(|_| ())
}

#[test]
fn a_cleared_tpm_is_told_from_another_one() {
    let (Some(mut machine), Some(mut other)) = (Machine::tpm20(), Machine::tpm20()) else { return };
    let (secret, sealed) =
        machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    let (sealed, key) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    let moved = other.custody(|custody| custody.unseal(&sealed));
    assert_eq!(moved, Err(CustodyError::OtherTpm));
    clear(&mut machine);
    let cleared = machine.custody(|custody| custody.unseal(&sealed));
    assert_eq!(cleared, Err(CustodyError::TpmCleared));
    // the way on, in both cases
    for machine in [&mut machine, &mut other] {
        let secret = recover(&sealed, &key).unwrap();
        let policy = Policy::default();
        let here =
            machine.custody(|custody| custody.begin_anew(&sealed, &secret, &policy)).unwrap();
        machine.boot(b"boot").unwrap();
        assert_eq!(machine.custody(|custody| custody.unseal(&here)).unwrap(), secret);
    }
}

#[test]
fn an_owner_authorisation_is_asked_for_and_never_on_the_bus() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let password = auth("owner_auth=text:owner");
    let set = tpm20::hierarchy_change_auth(OWNER, &[], password.bytes());
    assert_eq!(machine.code(&set), 0);
    machine.heard.clear();
    assert_eq!(first_start(&mut machine), Err(CustodyError::OwnerAuth));
    machine.access.owner_auth = auth("owner_auth=text:wrong");
    assert_eq!(first_start(&mut machine), Err(CustodyError::OwnerAuth));
    machine.access.owner_auth = password.clone();
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.boot(b"boot").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    assert!(!machine.was_heard(password.bytes()));
}

#[test]
fn a_persistent_storage_key_serves_where_the_owner_keeps_his_authorisation() {
    let Some(mut machine) = Machine::tpm20() else { return };
    persist(&mut machine, false, true);
    assert_eq!(machine.code(&tpm20::hierarchy_change_auth(OWNER, &[], b"his own")), 0);
    machine.access.srk_handle = Some(PERSISTENT);
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.boot(b"boot").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    // what was recorded is used without the word, another word is refused
    machine.access.srk_handle = None;
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    machine.access.srk_handle = Some(PERSISTENT + 1);
    let refused = machine.custody(|custody| custody.unseal(&sealed));
    assert_eq!(refused, Err(CustodyError::OtherParent { sealed: Some(PERSISTENT) }));
}

#[test]
fn a_handle_without_a_storage_key_is_refused_by_name() {
    let Some(mut machine) = Machine::tpm20() else { return };
    machine.access.srk_handle = Some(PERSISTENT);
    assert_eq!(first_start(&mut machine), Err(CustodyError::NoParent(PERSISTENT)));
    persist(&mut machine, true, true);
    assert_eq!(first_start(&mut machine), Err(CustodyError::NotAStorageKey(PERSISTENT)));
    machine.access.srk_handle = Some(0x4000_0001);
    assert_eq!(first_start(&mut machine), Err(CustodyError::NoParent(0x4000_0001)));
}

#[test]
fn lockout_stops_only_a_key_of_others_that_is_subject_to_it() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let made = machine.custody(|custody| custody.make_counter(&sealed, &secret, Former::Keep));
    let MadeCounter { sealed, value: begun, .. } = made.unwrap();
    persist(&mut machine, false, false);
    let always =
        DictionaryAttack { max_tries: 0, recovery_seconds: 1000, lockout_recovery_seconds: 1000 };
    assert_eq!(machine.code(&tpm20::dictionary_attack_parameters(always)), 0);
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    machine.custody(|custody| {
        let mut counter = custody.counter(&sealed, &secret).unwrap().unwrap().counter;
        assert_eq!(custody.increment_counter(&mut counter), Ok(begun + 1));
    });
    assert_eq!(first_start(&mut machine), Ok(()));
    machine.access.srk_handle = Some(PERSISTENT);
    assert!(matches!(first_start(&mut machine), Err(CustodyError::Lockout { .. })));
}

#[test]
fn an_endorsement_hierarchy_that_is_closed_only_costs_a_finer_message() {
    let Some(mut machine) = Machine::tpm20() else { return };
    assert_eq!(machine.code(&tpm20::hierarchy_change_auth(ENDORSEMENT, &[], b"closed")), 0);
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    clear(&mut machine);
    let refused = machine.custody(|custody| custody.unseal(&sealed));
    assert_eq!(refused, Err(CustodyError::OtherTpm));
}

#[test]
fn nothing_stays_loaded_and_persistent_keys_stay() {
    let Some(mut machine) = Machine::tpm20() else { return };
    persist(&mut machine, false, true);
    let policy = Policy::default();
    let (_, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.custody(|custody| custody.unseal(&sealed)).unwrap();
    let left = tpm_hw::flush(&mut machine, tpm_wire::TpmVersion::Tpm20, &|_| true).unwrap();
    assert_eq!(left, tpm_hw::Flushed::default());
    let read = tpm_wire::PacketBuilder::new(tpm_wire::Tag::NO_SESSIONS, 0x173);
    assert_eq!(machine.code(&read.u32(PERSISTENT).finish()), 0);
}

#[test]
fn a_start_is_told_who_owns_the_tpm_what_others_keep_in_it_and_whether_it_is_in_lockout() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let version = tpm_wire::TpmVersion::Tpm20;
    assert_eq!(tpm_hw::survey(&mut machine, version).unwrap().lines(), Vec::<String>::new());
    persist(&mut machine, true, true);
    let parameters =
        DictionaryAttack { max_tries: 0, recovery_seconds: 1000, lockout_recovery_seconds: 1000 };
    assert_eq!(machine.code(&tpm20::dictionary_attack_parameters(parameters)), 0);
    assert_eq!(machine.code(&tpm20::hierarchy_change_auth(OWNER, &[], b"owner")), 0);
    let lines = tpm_hw::survey(&mut machine, version).unwrap().lines();
    let expected = ["owner hierarchy has an authorisation", "1 persistent object", "in lockout"];
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn an_owner_hierarchy_that_is_switched_off_is_named() {
    let Some(mut machine) = Machine::tpm20() else { return };
    // TPM2_HierarchyControl by the platform, which is open without firmware
    let command = tpm20::authorised(CommandCode(0x121), 0x4000_000C, &[]);
    assert_eq!(machine.code(&command.u32(OWNER.0).u8(0).finish()), 0);
    let refused = first_start(&mut machine).unwrap_err();
    assert_eq!(refused, CustodyError::HierarchyDisabled);
    assert!(refused.to_string().contains("srk_handle="), "{refused}");
}

#[test]
fn a_tpm_without_room_is_named() {
    let Some(mut machine) = Machine::tpm20() else { return };
    let public = [
        &[0x00, 0x23, 0x00, 0x0B, 0x00, 0x04, 0x00, 0x72, 0, 0][..],
        &[0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0, 0, 0, 0],
    ]
    .concat();
    let create = tpm20::authorised(CommandCode(0x131), OWNER.0, &[]);
    let create = create.sized(&[0; 4]).sized(&public).u16(0).u32(0).finish();
    let made = (0..64).take_while(|_| machine.code(&create) == 0).count();
    assert!(made < 64, "it is full");
    let flushed =
        tpm_hw::flush(&mut machine, tpm_wire::TpmVersion::Tpm20, &vtpm_custody::is_ours).unwrap();
    assert_eq!((flushed.objects, flushed.left_objects), (0, made), "they are somebody else's");
    let refused = first_start(&mut machine).unwrap_err();
    assert_eq!(refused, CustodyError::SlotsFull { step: "TPM2_CreatePrimary", code: 0x902 });
    assert!(refused.to_string().contains("domain 0 has let go of it"), "{refused}");
}
