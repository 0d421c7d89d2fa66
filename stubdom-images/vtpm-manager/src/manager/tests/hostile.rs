//! Whatever a vTPM domain sends: an answer that fits, and nothing for anybody else.

use super::{device, manager, uuid};
use alloc::vec::Vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use tpm_wire::manager::Request;
use tpm_wire::{Header, MAX_PACKET_BYTES, PacketBuilder, Tag};

fn packets() -> impl Strategy<Value = Vec<u8>> {
    let tags = proptest::sample::select(&[
        0x01C1_u16, 0x01C2, 0x00C1, 0x00C2, 0x00C3, 0x8001, 0x8002, 0x00C4, 0x01C4, 0xFFFF,
    ]);
    let ordinals = proptest::sample::select(&[
        1_u32,
        2,
        3,
        4,
        5,
        0x14,
        0x15,
        0x46,
        0x65,
        0x17B,
        0x17E,
        0x0001_0001,
        0x0001_0002,
        0x0001_0101,
        0x0001_0105,
        0x0001_0107,
        0x0200_0101,
        u32::MAX,
    ]);
    // Nothing, a number, what a save takes; any other length is refused before it is looked at.
    let bytes = |lengths| proptest::collection::vec(any::<u8>(), lengths);
    let body = proptest::prop_oneof![bytes(0..1), bytes(4..5), bytes(52..65), bytes(0..900)];
    (tags, ordinals, body).prop_map(|(tag, ordinal, body)| {
        PacketBuilder::new(Tag(tag), ordinal).bytes(&body).finish()
    })
}

proptest! {
    #[test]
    fn every_packet_gets_an_answer_that_fits(sent in proptest::collection::vec(packets(), 1..40)) {
        let mut manager = manager("hwtpm=none");
        manager.attach(1);
        manager.attach(2);
        prop_assert_eq!(manager.vtpm(2, Request::Save(&[0x77; 64])).0, 0);
        for packet in sent {
            let answer = manager.ask(1, &packet);
            prop_assert!(answer.len() <= MAX_PACKET_BYTES);
            prop_assert!(Header::parse(&answer).is_ok());
            let secret = answer.windows(8).any(|window| window == [0x77; 8]);
            prop_assert!(!secret, "another's secret in {:02x?}", answer);
        }
        prop_assert_eq!(manager.vtpm(2, Request::Load), (0, [0x77; 64].to_vec()));
    }
}

#[test]
fn every_ordinal_with_every_length_is_answered_or_refused() {
    let mut manager = manager("hwtpm=none");
    manager.attach(1);
    for tag in [0x01C1, 0x01C2, 0x00C1, 0x8001] {
        for ordinal in (0..0x200).chain([0x0001_0001, 0x0001_0002, 0x0001_0103]) {
            for length in (0..80).chain([600, 603, 669, 670, 4078]) {
                let packet =
                    PacketBuilder::new(Tag(tag), ordinal).bytes(&alloc::vec![1; length]).finish();
                let answer = manager.ask(1, &packet);
                assert!(Header::parse(&answer).is_ok(), "{tag:x} {ordinal:x} {length}");
            }
        }
    }
}

#[test]
fn commands_of_every_length_are_refused_from_a_vtpm_and_answered_to_domain_0() {
    let mut manager = manager("hwtpm=none");
    manager.attach(1);
    for ordinal in 0x0001_0100..=0x0001_010A {
        for length in 0..=4078 {
            let body = alloc::vec![1; length];
            let packet = PacketBuilder::new(Tag::VTPM_REQ2, ordinal).bytes(&body).finish();
            let refused = super::parts(&manager.ask(1, &packet));
            assert_eq!(refused, (1, Vec::new()), "{ordinal:x} {length}");
            let answer = manager.ask(0, &packet);
            assert!(answer.len() <= MAX_PACKET_BYTES && Header::parse(&answer).is_ok());
        }
    }
}

#[test]
fn a_header_that_lies_is_refused() {
    let mut manager = manager("hwtpm=none");
    manager.attached(device(1), uuid(1), |_| true).unwrap();
    for packet in [&[][..], &[0x01, 0xC1], &[0x01, 0xC1, 0, 0, 0, 99, 0, 0, 0, 2]] {
        assert_eq!(super::parts(&manager.ask(1, packet)).0, 25);
    }
}
