//! A stock xen-tpmfront is loaded.

use flow_tests::packets::{response_code, tpm12};
use flow_tests::{Chain, Guest};
use tpm_wire::tpm12::Property;

/// The numbers behind the length of a GetCapability answer.
fn numbers(answer: &[u8]) -> Vec<u32> {
    assert_eq!(response_code(answer), 0, "{answer:02x?}");
    answer[14..].chunks(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect()
}

/// Microseconds that let no command fail that takes as long as it may: Linux rejects nothing here,
/// but goes by what it is told.
fn probes_cleanly(line: &str) {
    let mut chain = Chain::start(line);
    let mut guest = Guest::create(&mut chain, 1);
    let [timeouts, durations] = guest.probe(&mut chain);
    let (timeouts, durations) = (numbers(&timeouts), numbers(&durations));
    assert_eq!((timeouts.len(), durations.len()), (4, 3));
    assert!(timeouts.iter().all(|t| (750_000..=10_000_000).contains(t)), "{timeouts:?}");
    assert!(durations.iter().all(|d| (1_000_000..=600_000_000).contains(d)), "{durations:?}");
    assert!(durations.is_sorted(), "{durations:?}");
}

#[test]
fn the_probe_of_linux_gets_clean_answers_from_a_tpm_12() {
    probes_cleanly("ephemeral");
}

#[test]
fn the_probe_of_linux_gets_clean_answers_from_a_tpm_20() {
    probes_cleanly("tpm2 ephemeral");
}

#[test]
fn the_kernel_s_random_numbers_and_pcrs_work_on_both() {
    for line in ["ephemeral", "tpm2 ephemeral"] {
        let mut chain = Chain::start(line);
        let mut guest = Guest::boot(&mut chain, 1);
        let random = guest.succeed(&mut chain, &tpm12::get_random(128));
        assert_eq!(random.len(), 14 + 128, "{line}");
        let extended = guest.succeed(&mut chain, &tpm12::extend(10, &[0xAB; 20]));
        assert_eq!(guest.succeed(&mut chain, &tpm12::pcr_read(10)), extended, "{line}");
        let pcrs = guest.succeed(&mut chain, &tpm12::get_property(Property::PCR));
        assert_eq!(numbers(&pcrs), [24], "{line}");
    }
}
