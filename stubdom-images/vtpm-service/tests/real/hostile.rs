//! A guest may send anything.

use crate::rig::Rig;
use proptest::prelude::{ProptestConfig, Strategy, any};
use proptest::test_runner::TestRunner;
use tpm_wire::{Header, MAX_PACKET_BYTES, PacketBuilder, Tag};

/// Packets with a sound header, a tag that means something, and codes near those that exist.
fn packets() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let tags = proptest::sample::select(&[0xC1_u16, 0xC2, 0xC3, 0x1C1, 0x1C2, 0x8001, 0x8002, 0]);
    let codes = proptest::prop_oneof![0..0x100_u32, 0x11F..0x1A0_u32, any::<u32>()];
    let body = proptest::collection::vec(any::<u8>(), 0..300);
    (any::<u8>(), tags, codes, body).prop_map(|(claim, tag, code, body)| {
        (claim, PacketBuilder::new(Tag(tag), code).bytes(&body).finish())
    })
}

fn answers_everything(line: &str) {
    let mut rig = Rig::new(line);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(2000));
    let shared = std::cell::RefCell::new(&mut rig);
    let verdict = runner.run(&packets(), |(claim, packet)| {
        let answer = shared.borrow_mut().send_at(claim, &packet);
        assert!(answer.len() <= MAX_PACKET_BYTES);
        assert!(Header::parse(&answer).is_ok(), "{answer:02x?}");
        Ok(())
    });
    verdict.unwrap();
    rig.reboot(1);
}

#[test]
fn any_packet_gets_a_whole_answer_and_the_next_guest_is_served() {
    for line in ["tpm2 ephemeral", "tpm2 ephemeral locality=0,1,2,3,4 platform=open", "ephemeral"] {
        answers_everything(line);
    }
}
