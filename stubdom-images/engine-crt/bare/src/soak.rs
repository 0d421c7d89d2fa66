//! Random commands: whatever a guest sends, the engine answers and neither grows nor breaks.

use crate::ground::say;
use alloc::vec::Vec;
use tpm_wire::{HEADER_BYTES, Header, TpmVersion};
use vtpm_engine::{Engine, LibTpms, Locality};

/// How many commands.
const COMMANDS: u32 = 20_000;

/// A small generator with a fixed seed: every run sends the same.
struct Dice(u64);

impl Dice {
    /// A number below `bound` (Marsaglia's xorshift).
    fn roll(&mut self, bound: u64) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound).to_le_bytes()[0]
    }
}

/// Commands that succeed, or nearly: their bodies lead deep into the engine.
const TPM20: &[&[u8]] = &[
    b"\x80\x01\0\0\0\x0c\0\0\x01\x44\0\0",
    b"\x80\x01\0\0\0\x0c\0\0\x01\x7b\0\x20",
    b"\x80\x01\0\0\0\x0b\0\0\x01\x43\0",
    b"\x80\x01\0\0\0\x16\0\0\x01\x7a\0\0\0\x06\0\0\x01\0\0\0\0\x40",
    b"\x80\x01\0\0\0\x14\0\0\x01\x7e\0\0\0\x01\0\x0b\x03\xff\xff\xff",
    b"\x80\x01\0\0\0\x10\0\0\x01\x46\0\x04abcd",
    b"\x80\x02\0\0\0\x25\0\0\x01\x82\0\0\0\x10\0\0\0\x09\x40\0\0\x09\0\0\x01\0\0\0\0\0\0\0\x04aaaa",
    b"\x80\x02\0\0\0\x2d\0\0\x01\x2a\x40\0\0\x01\0\0\0\x09\x40\0\0\x09\0\0\x01\0\0\0\0\0\x0e\x01\x50\0\x01\0\x0b\0\x06\0\x12\0\0\0\x08",
    b"\x80\x02\0\0\0\x1f\0\0\x01\x34\x40\0\0\x01\x01\x50\0\x01\0\0\0\x09\x40\0\0\x09\0\0\x01\0\0",
    b"\x80\x02\0\0\0\x41\0\0\x01\x31\x40\0\0\x01\0\0\0\x09\x40\0\0\x09\0\0\x01\0\0\0\x04\0\0\0\0\0\x18\0\x23\0\x0b\0\x03\0\x72\0\0\0\x06\0\x80\0\x43\0\x10\0\x03\0\x10\0\0\0\0",
    b"\x80\x01\0\0\0\x0e\0\0\x01\x65\x80\0\0\0",
    b"\x80\x01\0\0\0\x0e\0\0\x01\x65\x80\0\0\x01",
    b"\x80\x01\0\0\0\x0e\0\0\x01\x73\x80\0\0\0",
    b"\x80\x01\0\0\0\x0e\0\0\x01\x62\x80\0\0\0",
];

/// The same for TPM 1.2.
const TPM12: &[&[u8]] = &[
    b"\0\xc1\0\0\0\x0c\0\0\0\x99\0\x01",
    b"\0\xc1\0\0\0\x0e\0\0\0\x46\0\0\0\x20",
    b"\0\xc1\0\0\0\x0a\0\0\0\x50",
    b"\0\xc1\0\0\0\x12\0\0\0\x65\0\0\0\x06\0\0\0\0",
    b"\0\xc1\0\0\0\x16\0\0\0\x65\0\0\0\x05\0\0\0\x04\0\0\x01\x03",
    b"\0\xc1\0\0\0\x0e\0\0\0\x15\0\0\0\x0a",
    b"\0\xc1\0\0\0\x22\0\0\0\x14\0\0\0\x10aaaaaaaaaaaaaaaaaaaa",
    b"\0\xc1\0\0\0\x12\0\0\0\x47\0\0\0\x04abcd",
    b"\0\xc1\0\0\0\x0a\0\0\0\x0a",
    b"\0\xc1\0\0\0\x1e\0\0\0\x7caaaaaaaaaaaaaaaaaaaa",
    b"\0\xc1\0\0\0\x0a\0\0\0\x98",
    b"\0\xc1\0\0\0\x0e\0\0\0\xba\0\0\0\x01",
];

/// One of those with up to three bytes changed, or a random body behind a right header.
fn command(version: TpmVersion, dice: &mut Dice) -> Vec<u8> {
    let known = match version {
        TpmVersion::Tpm12 => TPM12,
        TpmVersion::Tpm20 => TPM20,
    };
    let chosen = known[usize::from(dice.roll(known.len() as u64))];
    let mut bytes = chosen.to_vec();
    if dice.roll(4) == 0 {
        bytes.truncate(HEADER_BYTES);
        bytes.extend((0..dice.roll(120)).map(|_| dice.roll(256)));
        bytes[9] = dice.roll(256);
    }
    let body = (bytes.len() - HEADER_BYTES) as u64;
    for _ in 0..dice.roll(4).min(body.to_le_bytes()[0]) {
        let at = HEADER_BYTES + usize::from(dice.roll(body));
        bytes[at] = dice.roll(256);
    }
    let size = u32::try_from(bytes.len()).unwrap_or(0);
    bytes[2..6].copy_from_slice(&size.to_be_bytes());
    bytes
}

/// Sends them and counts.
pub(crate) fn run(engine: &mut LibTpms) {
    let version = engine.version();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut answered, mut succeeded) = (0_u32, 0_u32);
    let early = engine_crt::heap_usage().used;
    for _ in 0..COMMANDS {
        let response = engine.execute(Locality::ZERO, &command(version, &mut dice));
        let response = response.expect("a response");
        let (header, _) = Header::parse(&response).expect("a packet");
        answered += 1;
        succeeded += u32::from(header.code == 0);
        assert!(!engine.has_failed(), "failure mode after {answered} commands");
    }
    let late = engine_crt::heap_usage().used;
    say(format_args!("answered: {answered}"));
    say(format_args!("succeeded: {succeeded}"));
    say(format_args!("heap grew by: {}", late.saturating_sub(early)));
}
