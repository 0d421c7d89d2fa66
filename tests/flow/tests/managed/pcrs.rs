//! `hwinitpcr=` with the real engine.

use crate::logged;
use domain_io::test_utils::World;
use flow_tests::packets::tpm12;
use flow_tests::{Board, Guest, Machine};
use peers::{Family, RawTpm, Swtpm, unless_missing};
use sha2::Digest;
use std::cell::RefCell;
use std::rc::Rc;
use tpm_hw::test_utils::{TisModel, bus};
use tpm_hw::{HardwareArguments, detect};
use tpm_wire::TpmVersion;
use tpm_wire::tpm20::{HashAlgorithm, pcr_digest, pcr_extend, pcr_read};
use vtpm_keeper::test_utils::FakeManager;
use vtpm_manager::Hardware;

fn machine(hardware: Option<TpmVersion>) -> Machine {
    let fake = FakeManager::default();
    fake.memory.borrow_mut().hardware = hardware;
    Machine::played(&fake)
}

#[test]
fn every_pcr_of_a_tpm_20_begins_with_the_hardware_s_value_in_each_boot() {
    let mut machine = machine(Some(TpmVersion::Tpm20));
    let line = "tpm2 banks=sha1,sha256,sha384 hwinitpcr=0-7,10,16-23";
    let mut chain = machine.start(line).unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    for boot in 0..2 {
        let mut values = Vec::new();
        for pcr in 0..24 {
            let chosen = matches!(pcr, 0..=7 | 10 | 16..=23);
            for bank in [HashAlgorithm::SHA1, HashAlgorithm::SHA256] {
                let answer = guest.succeed(&mut chain, &pcr_read(bank, pcr));
                let value = pcr_digest(&answer).unwrap().unwrap().to_vec();
                let at_reset = value.iter().all(|byte| *byte == value[0]);
                assert_eq!(at_reset, !chosen, "PCR {pcr}, {bank}, boot {boot}");
                values.push(value);
            }
            let answer = guest.succeed(&mut chain, &pcr_read(HashAlgorithm::SHA384, pcr));
            let value = pcr_digest(&answer).unwrap().unwrap();
            assert!(value.iter().all(|byte| *byte == value[0]), "no counterpart: PCR {pcr}");
        }
        guest = guest.reboot(&mut chain);
    }
}

#[test]
fn a_tpm_12_begins_with_the_hardware_s_sha_1_values() {
    for hardware in [TpmVersion::Tpm12, TpmVersion::Tpm20] {
        let mut machine = machine(Some(hardware));
        let mut chain = machine.start("hwinitpcr=all").unwrap();
        let mut guest = Guest::boot(&mut chain, 1);
        for pcr in 0..24 {
            let answer = guest.succeed(&mut chain, &tpm12::pcr_read(pcr));
            let value = &answer[10..];
            assert!(value.iter().any(|byte| *byte != value[0]), "PCR {pcr}");
        }
    }
}

#[test]
fn without_a_hardware_tpm_the_vtpm_starts_and_its_pcrs_stay() {
    let mut machine = machine(None);
    let mut chain = machine.start("tpm2 hwinitpcr=all").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let answer = guest.succeed(&mut chain, &pcr_read(HashAlgorithm::SHA256, 0));
    assert_eq!(pcr_digest(&answer), Ok(Some(&[0; 32][..])));
}

type Wire = Rc<RefCell<RawTpm>>;

/// A board with swtpm behind a model of a TPM's registers; the test shares its wire.
fn board(wire: &Wire, version: TpmVersion) -> Machine {
    let wire = Rc::clone(wire);
    let (disk, store) = Machine::blank_disks();
    let (disk, store) = (Rc::new(RefCell::new(disk)), Rc::new(RefCell::new(store)));
    let boards = move |world: &World| {
        let (clock, wire) = (world.clock(), Rc::clone(&wire));
        let executor =
            Box::new(move |command: &[u8]| wire.borrow_mut().transmit(command).expect("an answer"));
        let model = match version {
            TpmVersion::Tpm20 => TisModel::new(clock.clone(), executor),
            TpmVersion::Tpm12 => TisModel::of_tpm12(clock.clone(), executor),
        };
        let registers = bus(0xFED4_0000, model);
        let found = detect(registers, &HardwareArguments::default(), clock.clone());
        let mut found = found.expect("a TPM");
        tpm_hw::start(found.tpm.as_mut(), found.version, &clock).expect("it starts");
        Board::unsealed(Hardware { tpm: found.tpm, version: found.version })
    };
    Machine::with_boards(disk, store, Rc::new(boards)).expect("the manager serves")
}

#[test]
fn with_swtpm_behind_the_real_manager_a_pcr_of_a_tpm_20_is_the_extend_of_the_hardware_s() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
    let wire = Rc::new(RefCell::new(swtpm.connect().unwrap()));
    let mut machine = board(&wire, TpmVersion::Tpm20);
    let bank = HashAlgorithm::SHA256;
    for pcr in 0..8 {
        let event = vec![3 + u8::try_from(pcr).unwrap(); 32];
        wire.borrow_mut().transmit(&pcr_extend(pcr, &[(bank, event)])).unwrap();
    }
    let mut chain = machine.start("tpm2 hwinitpcr=0-5,7,10").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    let mut seen = std::collections::BTreeSet::new();
    for pcr in 0..11 {
        let own = wire.borrow_mut().transmit(&pcr_read(bank, pcr)).unwrap();
        let own = pcr_digest(&own).unwrap().unwrap();
        let found = guest.succeed(&mut chain, &pcr_read(bank, pcr));
        let found = pcr_digest(&found).unwrap().unwrap();
        let expected = sha2::Sha256::new().chain_update([0; 32]).chain_update(own).finalize();
        let chosen = matches!(pcr, 0..=5 | 7 | 10);
        assert_eq!(found, if chosen { &expected[..] } else { &[0; 32] }, "PCR {pcr}");
        seen.insert(found.to_vec());
    }
    assert_eq!(seen.len(), 9, "seven measured ones, one that nobody measured, and zeros");
}

/// A hardware TPM 1.2 has SHA-1 only, and a vTPM 2.0 on it SHA-256, too.
#[test]
fn with_a_tpm_12_behind_the_real_manager_a_vtpm_20_gets_sha_1_and_its_other_banks_stay_at_reset() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm12)) else { return };
    let wire = Rc::new(RefCell::new(swtpm.connect().unwrap()));
    let mut machine = board(&wire, TpmVersion::Tpm12);
    for pcr in [0, 4, 7] {
        wire.borrow_mut().transmit(&tpm12::extend(pcr, &[9; 20])).unwrap();
    }
    logged::listen();
    let mut chain = machine.start("tpm2 hwinitpcr=0-7").unwrap();
    let said = logged::lines();
    assert!(said.iter().any(|line| line.contains("no bank SHA256")), "{said:?}");
    let mut guest = Guest::boot(&mut chain, 1);
    for pcr in 0..8 {
        let own = wire.borrow_mut().transmit(&tpm12::pcr_read(pcr)).unwrap();
        let found = guest.succeed(&mut chain, &pcr_read(HashAlgorithm::SHA1, pcr));
        let expected = sha1::Sha1::new().chain_update([0; 20]).chain_update(&own[10..]).finalize();
        assert_eq!(pcr_digest(&found), Ok(Some(&expected[..])), "PCR {pcr}");
        let other = guest.succeed(&mut chain, &pcr_read(HashAlgorithm::SHA256, pcr));
        assert_eq!(pcr_digest(&other), Ok(Some(&[0; 32][..])), "PCR {pcr}");
    }
}

#[test]
fn with_swtpm_behind_the_real_manager_a_pcr_of_a_tpm_12_is_the_extend_of_the_hardware_s() {
    let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm12)) else { return };
    let wire = Rc::new(RefCell::new(swtpm.connect().unwrap()));
    let mut machine = board(&wire, TpmVersion::Tpm12);
    for pcr in [0, 4, 7] {
        wire.borrow_mut().transmit(&tpm12::extend(pcr, &[9; 20])).unwrap();
    }
    let mut chain = machine.start("hwinitpcr=0-5,7").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    for pcr in 0..8 {
        let own = wire.borrow_mut().transmit(&tpm12::pcr_read(pcr)).unwrap();
        let found = guest.succeed(&mut chain, &tpm12::pcr_read(pcr));
        let expected = sha1::Sha1::new().chain_update([0; 20]).chain_update(&own[10..]).finalize();
        let chosen = pcr != 6;
        assert_eq!(&found[10..], if chosen { &expected[..] } else { &[0; 20] }, "PCR {pcr}");
    }
}
