//! A guest sends any packets to a vTPM with the real engine.

use super::bytes::{Bytes, with_size};
use crate::blank::blank_state;
use crate::chain::alone;
use domain_io::DomainId;
use tpm_wire::tpm20::get_random;
use tpm_wire::{Header, MAX_PACKET_BYTES, TpmVersion};
use tpmif::nodes::DeviceId;
use vtpm_engine::{LibTpms, StartConfig};
use vtpm_service::{Arguments, Ephemeral, Origin, Service};

/// More make an input slow and say nothing new.
const MOST_PACKETS: usize = 16;

const GUEST: DeviceId = DeviceId { frontend: DomainId(1), device: 0 };
const NEXT: DeviceId = DeviceId { frontend: DomainId(2), device: 0 };

/// The first byte chooses the TPM (0x12: a TPM 1.2); then come packets, each behind a byte of flags
/// (1: the size field stays as it is; the upper half: the locality) and a length of two bytes.
///
/// # Panics
/// When a packet is not answered with a packet, or when the next guest does not find a TPM that
/// works.
pub fn packets(data: &[u8]) {
    let mut bytes = Bytes(data);
    // Few inputs go to a TPM 1.2: it makes RSA keys whenever it is powered on, which takes long.
    let (line, version) = match bytes.byte() {
        0x12 => ("ephemeral locality=0,1,2,3,4", TpmVersion::Tpm12),
        number if number % 4 == 3 => {
            ("tpm2 ephemeral platform=open locality=0,1,2,3,4", TpmVersion::Tpm20)
        }
        _ => ("tpm2 ephemeral", TpmVersion::Tpm20),
    };
    let state = Some(blank_state(version));
    let _alone = alone();
    let arguments = Arguments::parse(line.split(' ')).expect("a sound command line").0;
    let config = StartConfig { state, ..StartConfig::new(version) };
    let engine = LibTpms::start(config).expect("an engine");
    let origin = Origin::Kept(Default::default());
    let mut service = Service::start(engine, Ephemeral, arguments, origin).expect("a vTPM");
    service.guest_attached(GUEST, None, |_| true).expect("the first guest");
    for _ in 0..MOST_PACKETS {
        if bytes.is_empty() {
            break;
        }
        send(&mut service, &mut bytes);
    }
    next_guest(&mut service, version);
}

fn send(service: &mut Service<LibTpms, Ephemeral>, bytes: &mut Bytes<'_>) {
    let (flags, length) = (bytes.byte(), bytes.word());
    let raw = bytes.take(length.into());
    let packet = if flags & 1 == 0 { with_size(raw) } else { raw.to_vec() };
    let answer = service.command(GUEST, flags >> 4, &packet).expect("an answer");
    check(&answer);
}

fn check(answer: &[u8]) {
    assert!(answer.len() <= MAX_PACKET_BYTES, "{} bytes", answer.len());
    let (header, _) = Header::parse(answer).expect("the answer's size is its length");
    assert!(header.tag.command_family().is_none() || header.tag.0 >> 8 == 0x80, "{header:?}");
}

/// Whatever a guest did, it is gone with it; a TPM 1.2 may stay disabled, since its guest has
/// physical presence.
fn next_guest(service: &mut Service<LibTpms, Ephemeral>, version: TpmVersion) {
    service.guest_gone(GUEST).expect("the guest goes");
    service.guest_attached(NEXT, None, |_| false).expect("the next guest");
    if version == TpmVersion::Tpm20 {
        let answer = service.command(NEXT, 0, &get_random(8)).expect("an answer");
        assert_eq!(answer.len(), 20, "the next guest's TPM works: {answer:02x?}");
    }
    service.shutdown().expect("an orderly stop");
}
