//! The TPM 1.2 side of a TPM 2.0, over an engine that speaks just enough TPM 2.0.

use super::Probe;
use crate::fake_engine::FakeEngine;
use alloc::vec::Vec;
use proptest::prelude::{any, proptest};
use tpm_wire::tpm12::{Capability, Property, TpmResult, error_response, get_capability};
use tpm_wire::tpm20::HashAlgorithm;
use tpm_wire::{Header, MAX_PACKET_BYTES, PacketBuilder, Tag};
use vtpm_engine::Locality;

const BANKS: [HashAlgorithm; 2] = [HashAlgorithm::SHA1, HashAlgorithm::SHA256];

fn ask(engine: &mut FakeEngine, command: &[u8]) -> Vec<u8> {
    let (header, parameters) = Header::parse(command).unwrap();
    let mut probe = Probe { engine, locality: Locality::ZERO, banks: &BANKS };
    probe.answer(header, parameters).unwrap()
}

fn answer(command: &[u8]) -> Vec<u8> {
    ask(&mut FakeEngine::started(), command)
}

fn command(ordinal: u32) -> PacketBuilder {
    PacketBuilder::new(Tag::RQU_COMMAND, ordinal)
}

fn property(property: Property) -> Vec<u8> {
    let response = answer(&get_capability(Capability::PROPERTY, &property.0.to_be_bytes()));
    response.get(14..).unwrap().to_vec()
}

#[test]
fn the_first_command_of_a_probe_is_answered_byte_for_byte() {
    let sent = [0x00, 0xC1, 0, 0, 0, 22, 0, 0, 0, 0x65, 0, 0, 0, 5, 0, 0, 0, 4, 0, 0, 0x01, 0x15];
    let expected = [
        0x00, 0xC4, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 16, //
        0x00, 0x0B, 0x71, 0xB0, 0x00, 0x1E, 0x84, 0x80, //
        0x00, 0x0B, 0x71, 0xB0, 0x00, 0x0B, 0x71, 0xB0,
    ];
    assert_eq!(answer(&sent), expected);
}

#[test]
fn durations_are_microseconds_that_linux_believes() {
    let expected = [3_000_000_u32, 3_000_000, 600_000_000];
    assert_eq!(property(Property::DURATION), expected.map(u32::to_be_bytes).concat());
}

#[test]
fn properties_that_sysfs_shows_have_values() {
    assert_eq!(property(Property::PCR), [0, 0, 0, 24]);
    assert_eq!(property(Property::MANUFACTURER), *b"FAKE");
    assert_eq!(property(Property::OWNER), [0]);
    let version = answer(&get_capability(Capability::VERSION_VAL, &[]));
    assert_eq!(version.get(14..18), Some(&[0x00, 0x30, 1, 2][..]));
    let flags = answer(&get_capability(Capability::FLAG, &[0, 0, 1, 8]));
    assert_eq!(flags.len(), 14 + 22);
    assert_eq!(flags.get(16..19), Some(&[0, 1, 0][..]), "enabled, ownable, not deactivated");
}

#[test]
fn random_bytes_are_collected_in_as_many_rounds_as_needed() {
    for wanted in [0_u32, 1, 64, 65, 128] {
        let response = answer(&command(0x46).u32(wanted).finish());
        assert_eq!(response.len(), 14 + wanted as usize);
    }
    let most = answer(&command(0x46).u32(u32::MAX).finish());
    assert_eq!(most.len(), MAX_PACKET_BYTES);
}

#[test]
fn an_extend_reaches_every_bank_padded_with_zeros() {
    let mut engine = FakeEngine::started();
    let response = ask(&mut engine, &command(0x14).u32(10).bytes(&[0xAB; 20]).finish());
    assert_eq!(response.get(6..10), Some(&[0; 4][..]));
    let padded = [[0xAB; 20].as_slice(), &[0; 12]].concat();
    let expected =
        [(10, HashAlgorithm::SHA1, [0xAB; 20].to_vec()), (10, HashAlgorithm::SHA256, padded)];
    assert_eq!(engine.extended, expected);
}

#[test]
fn a_pcr_that_does_not_exist_is_a_bad_index() {
    let read = command(0x15).u32(24).finish();
    assert_eq!(answer(&read), error_response(TpmResult::BAD_INDEX));
    assert_eq!(answer(&command(0x15).u32(23).finish()).len(), 30);
}

#[test]
fn what_firmware_would_send_is_answered_as_after_firmware() {
    let startup = command(0x99).u16(1).finish();
    assert_eq!(answer(&startup), error_response(TpmResult::INVALID_POSTINIT));
    for ordinal in [0x98, 0x53, 0x50] {
        assert_eq!(answer(&command(ordinal).finish()), error_response(TpmResult::SUCCESS));
    }
}

#[test]
fn what_tpm_20_does_not_have_gets_a_tpm_12_error() {
    let pubek = command(0x7C).bytes(&[0; 20]).finish();
    assert_eq!(answer(&pubek), error_response(TpmResult::DISABLED));
    assert_eq!(answer(&command(0x0D).finish()), error_response(TpmResult::BAD_ORDINAL));
    let unknown = get_capability(Capability(0x0F), &[0; 4]);
    assert_eq!(answer(&unknown), error_response(TpmResult::BAD_MODE));
    let authorised = PacketBuilder::new(Tag::RQU_AUTH1_COMMAND, 0x46).u32(4).finish();
    assert_eq!(answer(&authorised), error_response(TpmResult::BAD_TAG));
}

#[test]
fn parameters_of_another_length_are_refused() {
    for wrong in [
        command(0x46).u16(4).finish(),
        command(0x46).u32(4).u8(0).finish(),
        command(0x14).u32(10).bytes(&[0; 19]).finish(),
        command(0x65).u32(5).u32(5).u32(0x115).finish(),
        command(0x53).u8(0).finish(),
    ] {
        assert_eq!(answer(&wrong), error_response(TpmResult::BAD_PARAM_SIZE));
    }
}

proptest! {
    #[test]
    fn any_command_gets_a_whole_tpm_12_answer(
        tag in 0xC1_u16..=0xC3,
        ordinal in proptest::sample::select(&[0x14_u32, 0x15, 0x46, 0x50, 0x53, 0x65, 0x7C, 0x98, 0x99, 0x0D]),
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let response = answer(&PacketBuilder::new(Tag(tag), ordinal).bytes(&body).finish());
        let (header, _) = Header::parse(&response).unwrap();
        assert_eq!(header.tag, Tag::RSP_COMMAND);
    }
}
