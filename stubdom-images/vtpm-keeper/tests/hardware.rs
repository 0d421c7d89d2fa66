//! `hwinitpcr=`.

mod support;

use support::{Counter, Host, blank};
use tpm_wire::TpmVersion;
use vtpm_keeper::test_utils::{FakeManager, Memory};
use vtpm_service::StateKeeper;
use vtpm_service::arguments::PcrSet;

/// What a fresh boot of a TPM of this version extends: locality and packet of each.
fn extends(version: TpmVersion, hardware: Option<TpmVersion>, pcrs: &str) -> Vec<(u8, Vec<u8>)> {
    let memory = Memory { hardware, ..Memory::default() };
    let mut host = Host::with(FakeManager::new(memory));
    host.vtpm.hardware_pcrs = PcrSet::parse(pcrs).unwrap();
    host.vtpm.version = version;
    let mut keeper = host.open(blank()).unwrap().keeper;
    let mut engine = Counter::default();
    keeper.begin_boot(&mut engine).unwrap();
    engine.executed.retain(|(_, packet)| packet[9] == 0x82 || packet[9] == 0x14);
    engine.executed
}

#[test]
fn each_bank_is_extended_by_the_hardware_s_bank_and_one_without_a_counterpart_stays() {
    let done = extends(TpmVersion::Tpm20, Some(TpmVersion::Tpm20), "0,2-3");
    assert_eq!(done.len(), 3);
    for ((locality, packet), pcr) in done.iter().zip([0_u8, 2, 3]) {
        assert_eq!((*locality, packet[13]), (0, pcr));
        // two digests, SHA-1 and SHA-256; the engine's SHA-384 has no counterpart
        let digests = &packet[27..];
        assert_eq!(digests[..6], [0, 0, 0, 2, 0, 4]);
        assert_eq!(digests[6..26], [pcr + 1; 20]);
        assert_eq!((&digests[26..28], &digests[28..]), (&[0, 0xB][..], &[pcr + 1; 32][..]));
    }
}

#[test]
fn a_hardware_tpm_12_gives_the_sha_1_bank() {
    let done = extends(TpmVersion::Tpm20, Some(TpmVersion::Tpm12), "7");
    assert_eq!(done[0].1[27..33], [0, 0, 0, 1, 0, 4]);
    assert_eq!(done[0].1.len(), 53);
}

#[test]
fn a_tpm_12_is_extended_by_either_hardware() {
    for hardware in [TpmVersion::Tpm12, TpmVersion::Tpm20] {
        let done = extends(TpmVersion::Tpm12, Some(hardware), "5");
        assert_eq!(done[0].1[6..14], [0, 0, 0, 0x14, 0, 0, 0, 5]);
        assert_eq!(done[0].1[14..], [6; 20]);
    }
}

#[test]
fn pcrs_of_a_dynamic_launch_are_extended_at_a_locality_that_may() {
    let done = extends(TpmVersion::Tpm20, Some(TpmVersion::Tpm20), "16-18,22-23");
    let localities: Vec<u8> = done.iter().map(|(locality, _)| *locality).collect();
    assert_eq!(localities, [0, 2, 2, 2, 0]);
}

#[test]
fn without_a_hardware_tpm_or_the_argument_nothing_is_extended() {
    assert_eq!(extends(TpmVersion::Tpm20, None, "all"), []);
    assert_eq!(extends(TpmVersion::Tpm20, Some(TpmVersion::Tpm20), "none"), []);
}

#[test]
fn a_hardware_tpm_that_is_busy_is_asked_again() {
    for (hardware, codes) in [(TpmVersion::Tpm12, [9, 0x800]), (TpmVersion::Tpm20, [0x101, 0x922])]
    {
        let memory = Memory {
            hardware: Some(hardware),
            hardware_refuses: codes.map(Some).into(),
            ..Memory::default()
        };
        let mut host = Host::with(FakeManager::new(memory));
        host.vtpm.hardware_pcrs = PcrSet::parse("7").unwrap();
        let mut keeper = host.open(blank()).unwrap().keeper;
        keeper.begin_boot(&mut Counter::default()).unwrap();
        assert_eq!(host.manager.memory.borrow().hardware_refuses, []);
    }
}
