//! Sealing to a real software TPM 1.2.

mod support;

use domain_io::Clock;
use peers::Family;
use std::sync::OnceLock;
use std::time::Duration;
use support::Machine;
use tempfile::TempDir;
use tpm_hw::test_utils::set_up_tpm12;
use tpm_hw::{Auth, HardwareArguments};
use tpm_wire::tpm12::{self, PhysicalPresence};
use tpm_wire::tpm20::HashAlgorithm;
use tpm_wire::{PacketBuilder, Tag, TpmVersion};
use vtpm_custody::{
    CustodyError, Force, Former, Leftover, PcrMask, PcrSelection, Policy, inspect, recover,
    set_recovery_key,
};

/// A TPM 1.2 that the manager took ownership of with well-known authorisations. Its two keys take
/// seconds to make, so all tests that do not look at that start from copies of one TPM.
fn owned() -> Option<Machine> {
    static STATE: OnceLock<Option<TempDir>> = OnceLock::new();
    let make = || {
        let mut machine = Machine::tpm12()?;
        machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
        Some(machine.into_state())
    };
    let state = STATE.get_or_init(make).as_ref()?;
    let mut machine = Machine::copy(state.path(), Family::Tpm12, TpmVersion::Tpm12)?;
    machine.boot(b"boot")?;
    Some(machine)
}

fn auth(word: &str) -> Auth {
    let mut arguments = HardwareArguments::default();
    arguments.take(word).unwrap();
    arguments.srk_auth
}

fn auth_of_owner(word: &str) -> Auth {
    let mut arguments = HardwareArguments::default();
    arguments.take(word).unwrap();
    arguments.owner_auth
}

#[test]
fn ownership_is_taken_and_the_secret_comes_back_after_each_boot() {
    let Some(mut machine) = Machine::tpm12() else { return };
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    for _ in 0..2 {
        machine.boot(b"boot").unwrap();
        assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    }
    // a second first start finds an owner and works with it
    assert!(machine.custody(|custody| custody.first_start(&policy)).is_ok());
}

#[test]
fn another_boot_chain_is_refused_and_the_recovery_key_helps() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let (sealed, key) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    machine.measure(5, b"stick");
    let changed = CustodyError::PcrsChanged(vec![(HashAlgorithm::SHA1, PcrMask::of(&[5]))]);
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Err(changed));
    assert_eq!(recover(&sealed, &key).unwrap(), secret);
}

#[test]
fn the_tpm_itself_refuses_other_pcrs_whatever_the_disk_claims() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    let (_, mut sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.boot(b"stick").unwrap();
    let (_, here) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    // the recorded values of the present state, in front of a seal to the former one
    let values = |of: &vtpm_store::manager::SealedSecret| of.blob.len() - 32 - 40;
    let (from, to) = (values(&here), values(&sealed));
    sealed.blob[to..to + 40].copy_from_slice(&here.blob[from..from + 40]);
    let refused = machine.custody(|custody| custody.unseal(&sealed)).unwrap_err();
    assert!(matches!(refused, CustodyError::PolicyFailed { step: "TPM_Unseal", .. }), "{refused}");
}

#[test]
fn the_policy_is_moved_forward_before_an_update() {
    let Some(mut machine) = owned() else { return };
    let (secret, sealed) =
        machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    machine.boot(b"after").unwrap();
    let (_, other) = machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    let after = inspect(&other).unwrap().states.remove(0).state;
    machine.boot(b"boot").unwrap();
    let policy = Policy { also: vec![after], ..Policy::default() };
    let both = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy)).unwrap();
    for chain in [b"boot".as_slice(), b"after"] {
        machine.boot(chain).unwrap();
        assert_eq!(machine.custody(|custody| custody.unseal(&both)).unwrap(), secret);
    }
}

#[test]
fn authorisations_that_were_given_are_used_and_wrong_ones_named() {
    let Some(mut machine) = Machine::tpm12() else { return };
    machine.access.srk_auth = auth("srk_auth=text:storage");
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    machine.access.srk_auth = Auth::WELL_KNOWN;
    let refused = machine.custody(|custody| custody.unseal(&sealed));
    assert_eq!(refused, Err(CustodyError::ParentAuth));
    let refused = machine.custody(|custody| custody.first_start(&policy)).map(|_| ());
    assert_eq!(refused, Err(CustodyError::ParentAuth));
}

#[test]
fn another_tpm_is_told_from_the_one_it_was_sealed_to() {
    let (Some(mut one), Some(mut other)) = (owned(), Machine::tpm12()) else { return };
    let policy = Policy::default();
    let (_, sealed) = one.custody(|custody| custody.first_start(&policy)).unwrap();
    let blank = other.custody(|custody| custody.unseal(&sealed));
    assert_eq!(blank, Err(CustodyError::OtherTpm));
    other.custody(|custody| custody.first_start(&policy)).unwrap();
    let owned = other.custody(|custody| custody.unseal(&sealed));
    assert_eq!(owned, Err(CustodyError::OtherTpm));
}

/// Firmware's "clear TPM": the owner and his keys are gone, the endorsement key stays.
fn clear(machine: &mut Machine) {
    let force_clear = PacketBuilder::new(Tag::RQU_COMMAND, 0x5D).finish();
    for commands in [
        &[tpm12::physical_presence(PhysicalPresence::PRESENT), force_clear][..],
        &set_up_tpm12()[2..],
    ] {
        commands.iter().for_each(|command| assert_eq!(machine.code(command), 0, "{command:x?}"));
        machine.boot_without_measuring().unwrap();
    }
    machine.boot(b"boot").unwrap();
}

#[test]
fn a_cleared_tpm_is_refused_and_the_recovery_key_helps() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    let (sealed, key) = set_recovery_key(&sealed, &secret, &mut machine.entropy).unwrap();
    clear(&mut machine);
    // a TPM 1.2 does not tell a clear from another TPM: nothing of ours in it outlives one
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Err(CustodyError::OtherTpm));
    let secret = recover(&sealed, &key).unwrap();
    let here = machine.custody(|custody| custody.reseal(&sealed, &secret, &policy)).unwrap();
    machine.boot(b"boot").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&here)).unwrap(), secret);
}

#[test]
fn an_owner_with_a_password_of_his_own_is_asked_for_it_by_the_counter_only() {
    let Some(mut machine) = Machine::tpm12() else { return };
    machine.access.owner_auth = auth_of_owner("owner_auth=text:owner");
    let policy = Policy::default();
    machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.access.owner_auth = Auth::WELL_KNOWN;
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)).unwrap(), secret);
    let refused = machine.custody(|custody| {
        custody.make_counter(&sealed, &secret, Former::Keep).map(|made| made.value)
    });
    let refused = refused.unwrap_err();
    assert_eq!(refused, CustodyError::OwnerAuth);
    assert!(refused.to_string().contains("owner_auth="), "{refused}");
}

#[test]
fn answers_that_were_changed_on_the_bus_are_refused() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    let (_, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.tamper = Some(Box::new(|code, response| {
        if code == 0x18 {
            response[15] ^= 1;
        }
    }));
    let refused = machine.custody(|custody| custody.unseal(&sealed));
    assert_eq!(refused, Err(CustodyError::NotAuthentic { step: "TPM_Unseal" }));
}

#[test]
fn the_secret_of_a_tpm_1_2_is_on_its_bus() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    let (secret, _) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    assert!(machine.was_heard(secret.bytes()), "docs/custody.md says so");
}

#[test]
fn a_tpm_that_is_switched_off_is_named() {
    let Some(mut machine) = owned() else { return };
    machine.busy = (7, u32::MAX);
    let refused = machine.custody(|custody| custody.first_start(&Policy::default()));
    let refused = refused.map(|_| ()).unwrap_err();
    assert_eq!(refused, CustodyError::Deactivated { code: 7 });
    assert!(refused.to_string().contains("enable and activate it"));
}

#[test]
fn a_tpm_in_lockout_is_named() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    let (_, sealed) = machine.custody(|custody| custody.first_start(&policy)).unwrap();
    machine.busy = (0x803, u32::MAX);
    let refused = machine.custody(|custody| custody.unseal(&sealed)).unwrap_err();
    assert!(matches!(refused, CustodyError::Lockout { .. }), "{refused}");
}

#[test]
fn a_counter_goes_forward_at_most_once_in_five_seconds_and_outlives_a_boot() {
    let Some(mut machine) = owned() else { return };
    let (secret, sealed) =
        machine.custody(|custody| custody.first_start(&Policy::default())).unwrap();
    let (last, sealed) = machine.custody(|custody| {
        assert!(custody.counter(&sealed, &secret).unwrap().is_none());
        assert_eq!(custody.leftover_counter(), Ok(None));
        let mut made = custody.make_counter(&sealed, &secret, Former::Keep).unwrap();
        let again = custody.make_counter(&sealed, &secret, Former::Keep).map(|made| made.value);
        assert!(matches!(again, Err(CustodyError::CounterExists(_))), "{again:?}");
        for step in 1..=3 {
            assert_eq!(custody.increment_counter(&mut made.counter), Ok(made.value + step));
        }
        assert_eq!(custody.read_counter(&mut made.counter), Ok(made.value + 3));
        (made.value + 3, made.sealed)
    });
    assert!(machine.clock.now() >= Duration::from_secs(10), "two pauses between three increments");
    machine.boot(b"boot").unwrap();
    machine.custody(|custody| {
        let found = custody.counter(&sealed, &secret).unwrap().unwrap();
        let (mut counter, value) = (found.counter, found.value);
        assert_eq!(value, last);
        assert_eq!(custody.increment_counter(&mut counter), Ok(last + 1));
        assert_eq!(custody.leftover_counter(), Ok(Some(Leftover { value: Some(last + 1) })));
    });
}

#[test]
fn a_counter_of_another_store_is_foreign() {
    let Some(mut machine) = owned() else { return };
    let policy = Policy::default();
    machine.custody(|custody| {
        let (secret, sealed) = custody.first_start(&policy).unwrap();
        let mut first = custody.make_counter(&sealed, &secret, Former::Keep).unwrap();
        custody.increment_counter(&mut first.counter).unwrap();
        let (other, its_seal) = custody.first_start(&policy).unwrap();
        let refused = custody.counter(&its_seal, &other).map(|_| ());
        assert!(matches!(refused, Err(CustodyError::ForeignCounter(_))), "{refused:?}");
        let made = custody.make_counter(&its_seal, &other, Former::Remove).unwrap();
        assert!(made.value > first.value);
        // The handle may be the same again; the authorisation is not.
        let former = custody.counter(&first.sealed, &secret).and_then(|found| match found {
            Some(mut found) => custody.increment_counter(&mut found.counter),
            None => Ok(0),
        });
        assert!(former.is_err(), "{former:?}");
    });
}

#[test]
fn by_force_the_secret_is_sealed_to_the_tpm_alone() {
    let Some(mut machine) = owned() else { return };
    let nothing = Policy { selection: Some(PcrSelection::nothing()), ..Policy::default() };
    let refused = machine.custody(|custody| custody.first_start(&nothing)).unwrap_err();
    assert_eq!(refused, CustodyError::NothingSelected);
    let forced = Policy { force: Force::Yes, ..nothing };
    let (secret, sealed) = machine.custody(|custody| custody.first_start(&forced)).unwrap();
    machine.boot(b"stick").unwrap();
    assert_eq!(machine.custody(|custody| custody.unseal(&sealed)), Ok(secret));
}

/// What decides whether a recovery is one to another TPM.
#[test]
fn the_same_tpm_is_known_also_after_another_boot() {
    let (Some(mut one), Some(mut other)) = (owned(), Machine::tpm12()) else { return };
    let policy = Policy::default();
    let (secret, sealed) = one.custody(|custody| custody.first_start(&policy)).unwrap();
    one.boot(b"another chain").unwrap();
    for (machine, elsewhere) in [(&mut one, false), (&mut other, true)] {
        let now = machine.custody(|custody| custody.begin_anew(&sealed, &secret, &policy)).unwrap();
        let told = machine.custody(|custody| custody.came_from_elsewhere(&sealed, &now));
        assert_eq!(told, Ok(elsewhere));
    }
}
