//! `hwinitpcr=` with the real engine.

use flow_tests::packets::tpm12;
use flow_tests::{Guest, Machine};
use tpm_wire::TpmVersion;
use tpm_wire::tpm20::{HashAlgorithm, pcr_digest, pcr_read};
use vtpm_keeper::test_utils::FakeManager;

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
