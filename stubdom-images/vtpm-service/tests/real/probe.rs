//! A stock xen-tpmfront in front of a TPM 2.0: what Linux 6.1 sends, in the order it sends it.

use crate::packets::pcr;
use crate::rig::Rig;
use tpm_wire::tpm12::{TpmResult, error_response};
use tpm_wire::tpm20::HashAlgorithm;
use tpm_wire::{PacketBuilder, Tag};

/// GetCapability as `tpm1_getcap` builds it: property 5, or flags 4, with a sub-capability.
fn getcap(area: u8, sub: u16) -> Vec<u8> {
    let [high, low] = sub.to_be_bytes();
    let head = [0x00, 0xC1, 0, 0, 0, 22, 0, 0, 0, 0x65, 0, 0, 0, area, 0, 0, 0, 4, 0, 0];
    [&head[..], &[high, low]].concat()
}

/// GetCapability as `tpm1_getcap` builds it for a version: no sub-capability.
fn getcap_version(area: u8) -> Vec<u8> {
    [0x00, 0xC1, 0, 0, 0, 18, 0, 0, 0, 0x65, 0, 0, 0, area, 0, 0, 0, 0].to_vec()
}

/// A successful TPM 1.2 answer with this body.
fn success(body: &[u8]) -> Vec<u8> {
    PacketBuilder::new(Tag::RSP_COMMAND, 0).bytes(body).finish()
}

/// A successful GetCapability answer with this value.
fn value(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    success(&[&length, bytes].concat())
}

#[test]
fn the_probe_conversation_of_a_stock_driver_byte_for_byte() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let timeouts = value(&[
        0x00, 0x0B, 0x71, 0xB0, 0x00, 0x1E, 0x84, 0x80, 0x00, 0x0B, 0x71, 0xB0, 0x00, 0x0B, 0x71,
        0xB0,
    ]);
    assert_eq!(rig.send(&getcap(5, 0x115)), timeouts);
    let durations =
        value(&[0x00, 0x2D, 0xC6, 0xC0, 0x00, 0x2D, 0xC6, 0xC0, 0x23, 0xC3, 0x46, 0x00]);
    assert_eq!(rig.send(&getcap(5, 0x120)), durations);
}

#[test]
fn the_kernel_s_random_number_generator_is_fed() {
    let mut rig = Rig::new("tpm2 ephemeral");
    let ask = [0x00, 0xC1, 0, 0, 0, 14, 0, 0, 0, 0x46, 0, 0, 0, 128];
    let (first, second) = (rig.succeed(&ask), rig.succeed(&ask));
    assert_eq!((first.len(), &first[10..14]), (14 + 128, &[0, 0, 0, 128][..]));
    assert_ne!(first, second);
    assert_ne!(first[14..46], first[46..78]);
}

#[test]
fn the_sysfs_files_have_something_to_show() {
    let mut rig = Rig::new("tpm2 ephemeral");
    assert_eq!(rig.send(&getcap(5, 0x101)), value(&[0, 0, 0, 24]));
    assert_eq!(rig.send(&getcap(5, 0x103)), value(b"IBM\0"));
    assert_eq!(rig.send(&getcap(5, 0x111)), value(&[0]));
    assert_eq!(rig.send(&getcap_version(6)), value(&[1, 1, 0, 0]));
    let version = [&[0x00, 0x30, 1, 2, 0, 0, 0, 2, 3][..], b"IBM\0", &[0, 0]].concat();
    assert_eq!(rig.send(&getcap_version(0x1A)), value(&version));
    let permanent = rig.succeed(&getcap(4, 0x108));
    assert_eq!(permanent[10..19], [0, 0, 0, 22, 0x00, 0x1F, 0, 1, 0]);
    let volatile = rig.succeed(&getcap(4, 0x109));
    assert_eq!(volatile[10..], [0, 0, 0, 7, 0x00, 0x20, 0, 0, 1, 0, 0]);
    let pubek = PacketBuilder::new(Tag::RQU_COMMAND, 0x7C).bytes(&[0; 20]).finish();
    assert_eq!(rig.send(&pubek), error_response(TpmResult::DISABLED));
}

#[test]
fn an_extend_in_the_12_form_reaches_every_bank_padded_with_zeros() {
    let mut rig = Rig::new("tpm2 ephemeral banks=sha1,sha256,sha384,sha512");
    let digest = [0xAB; 20];
    let extend = PacketBuilder::new(Tag::RQU_COMMAND, 0x14).u32(10).bytes(&digest).finish();
    let answer = rig.succeed(&extend);
    let read = rig.succeed(&PacketBuilder::new(Tag::RQU_COMMAND, 0x15).u32(10).finish());
    assert_eq!(answer, read, "Extend answers with the new value");
    assert_eq!(Some(answer[10..].to_vec()), pcr(&mut rig, HashAlgorithm::SHA1, 10));

    // The same extends in the form of TPM 2.0, on another PCR, give the same values.
    let padded = HashAlgorithm::ALL.map(|bank| {
        let mut bytes = digest.to_vec();
        bytes.resize(bank.digest_bytes().unwrap(), 0);
        (bank, bytes)
    });
    rig.succeed(&tpm_wire::tpm20::pcr_extend(11, &padded));
    for bank in HashAlgorithm::ALL {
        let (by_12, by_20) = (pcr(&mut rig, bank, 10), pcr(&mut rig, bank, 11));
        assert_eq!(by_12, by_20, "{bank}");
        assert!(by_12.unwrap().iter().any(|byte| *byte != 0), "{bank}");
    }
}

#[test]
fn without_a_sha1_bank_an_extend_still_works_and_a_read_is_refused_quietly() {
    let mut rig = Rig::new("tpm2 ephemeral banks=sha256");
    let extend = PacketBuilder::new(Tag::RQU_COMMAND, 0x14).u32(10).bytes(&[1; 20]).finish();
    rig.succeed(&extend);
    assert_ne!(pcr(&mut rig, HashAlgorithm::SHA256, 10), Some(vec![0; 32]));
    let read = PacketBuilder::new(Tag::RQU_COMMAND, 0x15).u32(10).finish();
    assert_eq!(rig.send(&read), error_response(TpmResult::DISABLED));
}

#[test]
fn self_tests_save_state_and_startup_are_what_the_driver_expects() {
    let mut rig = Rig::new("tpm2 ephemeral");
    for ordinal in [0x53, 0x50, 0x98] {
        let packet = PacketBuilder::new(Tag::RQU_COMMAND, ordinal).finish();
        assert_eq!(rig.send(&packet), success(&[]));
    }
    let startup = PacketBuilder::new(Tag::RQU_COMMAND, 0x99).u16(1).finish();
    assert_eq!(rig.send(&startup), error_response(TpmResult::INVALID_POSTINIT));
}
