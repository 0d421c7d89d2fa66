//! Upstream's conversation (Xen stubdom/vtpmmgr), byte for byte.

use super::{device, manager};
use alloc::vec;
use alloc::vec::Vec;
use sha1::{Digest, Sha1};

/// A packet: tag, size, ordinal or status, body.
fn packet(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(10 + body.len()).unwrap();
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &code.to_be_bytes(), body].concat()
}

const LOAD: [u8; 10] = [0x01, 0xC1, 0, 0, 0, 0x0A, 0, 0, 0, 2];
const DONE: [u8; 10] = [0x01, 0xC4, 0, 0, 0, 0x0A, 0, 0, 0, 0];

#[test]
fn fifty_two_bytes_are_kept_and_given_back() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    assert_eq!(manager.ask(5, &LOAD), [0x01, 0xC4, 0, 0, 0, 0x0A, 0, 0, 0, 3], "unknown");
    let save = [&[0x01, 0xC1, 0, 0, 0, 0x3E, 0, 0, 0, 1][..], &[0xAB; 52]].concat();
    assert_eq!(manager.ask(5, &save), DONE);
    let expected = [&[0x01, 0xC4, 0, 0, 0, 0x3E, 0, 0, 0, 0][..], &[0xAB; 52]].concat();
    assert_eq!(manager.ask(5, &LOAD), expected);
}

#[test]
fn sixty_four_bytes_are_kept_and_given_back() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    let save = [&[0x01, 0xC1, 0, 0, 0, 0x4A, 0, 0, 0, 1][..], &[0xCD; 64]].concat();
    assert_eq!(manager.ask(5, &save), DONE);
    let expected = [&[0x01, 0xC4, 0, 0, 0, 0x4A, 0, 0, 0, 0][..], &[0xCD; 64]].concat();
    assert_eq!(manager.ask(5, &LOAD), expected);
}

/// Between the two forms it is the bytes that decide, not the length that was sent.
#[test]
fn any_length_from_52_to_64_is_kept_and_any_other_refused() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    for length in 52..=64 {
        assert_eq!(manager.ask(5, &packet(0x01C1, 1, &vec![0xEE; length])), DONE);
        let mut body = vec![0xEE; length];
        body.resize(if length == 52 { 52 } else { 64 }, 0);
        assert_eq!(manager.ask(5, &LOAD), packet(0x01C4, 0, &body), "{length}");
    }
    let zeros = [&[7; 52][..], &[0; 12]].concat();
    assert_eq!(manager.ask(5, &packet(0x01C1, 1, &zeros)), DONE);
    assert_eq!(manager.ask(5, &LOAD), packet(0x01C4, 0, &[7; 52]), "the long form of a short one");
    for length in [0, 51, 65, 4078] {
        let refused = manager.ask(5, &packet(0x01C1, 1, &vec![1; length]));
        assert_eq!(refused, packet(0x01C4, 25, &[]), "{length}");
    }
    assert_eq!(manager.ask(5, &LOAD), packet(0x01C4, 0, &[7; 52]), "nothing of it was kept");
}

#[test]
fn the_boot_hash_is_the_label_s() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    let ask = [0x01, 0xC1, 0, 0, 0, 0x0A, 0, 0, 0, 3];
    let start = [0x01, 0xC4, 0, 0, 0, 0x1E, 0, 0, 0, 0];
    assert_eq!(manager.ask(5, &ask), [&start[..], &[0; 20]].concat(), "no labels");
    let label = b"system_u:system_r:vtpm_t";
    manager.connected(device(5), Some(label));
    assert_eq!(manager.ask(5, &ask), [&start[..], &Sha1::digest(label)].concat());
}

/// Upstream's dispatcher makes the tag of an error from the request's.
#[test]
fn errors_have_upstream_s_tags() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    for (tag, ordinal, answer, status) in [
        (0x01C1, 5, 0x01C4, 10),
        (0x01C1, 0xFFFF_FFFF, 0x01C4, 10),
        (0x00C1, 0x65, 0x00C4, 8),
        (0x00C2, 0x46, 0x00C5, 8),
        (0x00C3, 0x46, 0x00C6, 8),
        (0x00C1, 0x14, 0x00C4, 8),
        (0x00C4, 0x46, 0x00C4, 30),
        (0xFFFF, 1, 0x00C4, 30),
    ] {
        let said = manager.ask(5, &packet(tag, ordinal, &[]));
        assert_eq!(said, packet(answer, status, &[]), "{tag:04x} {ordinal:x}");
    }
}

#[test]
fn a_quote_is_refused_as_an_unknown_ordinal() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    for flags in 0..16_u32 {
        let body = [&[9; 20][..], &[0, 3, 0xFF, 0, 0], &flags.to_be_bytes()].concat();
        let said = manager.ask(5, &packet(0x01C1, 4, &body));
        assert_eq!(said, packet(0x01C4, 10, &[]), "{flags}");
    }
}

/// Upstream's management ordinals: groups, vTPMs, keys of the hardware TPM, NV storage.
const MANAGEMENT: [core::ops::RangeInclusive<u32>; 3] =
    [0x0200_0101..=0x0200_010A, 0x0200_0201..=0x0200_0205, 0x0200_0301..=0x0200_0306];

#[test]
fn management_is_no_vtpm_s_and_domain_0_is_told_that_there_is_none() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    for ordinal in MANAGEMENT.into_iter().flatten() {
        let refused = manager.ask(5, &packet(0x01C2, ordinal, &[0; 4]));
        assert_eq!(refused, packet(0x01C5, 1, &[]), "{ordinal:x}");
        let said = manager.ask(0, &packet(0x01C2, ordinal, &[0; 4]));
        assert_eq!(said[..2], [0x01, 0xC5]);
        assert_eq!(said[6..10], 10_u32.to_be_bytes(), "{ordinal:x}");
        let sentence = core::str::from_utf8(&said[10..]).unwrap();
        assert!(sentence.starts_with("there is no command"), "{sentence}");
    }
}

#[test]
fn random_bytes_come_in_either_form_without_a_hardware_tpm_too() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    let said = manager.ask(5, &packet(0x00C1, 0x46, &32_u32.to_be_bytes()));
    assert_eq!(said[..14], [0x00, 0xC4, 0, 0, 0, 0x2E, 0, 0, 0, 0, 0, 0, 0, 32]);
    assert_eq!(said.len(), 46);
    let said = manager.ask(5, &packet(0x8001, 0x17B, &32_u16.to_be_bytes()));
    assert_eq!(said[..12], [0x80, 0x01, 0, 0, 0, 0x2C, 0, 0, 0, 0, 0, 32]);
    assert_eq!(said.len(), 44);
    let no_pcr = manager.ask(5, &packet(0x00C1, 0x15, &4_u32.to_be_bytes()));
    assert_eq!(no_pcr, packet(0x00C4, 7, &[]));
}
