//! Commands that make a TPM 2.0 work (TPM 2.0 Library Part 3), and what can be made of them.

use crate::random::Random;
use alloc::vec::Vec;

/// Tag, command code, and what follows the header.
type Command = (u16, u32, &'static [u8]);

const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;

/// An empty password, as a session.
macro_rules! password {
    ($($handle:expr),*; $($rest:expr),*) => {
        &[$($handle,)* 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0, $($rest),*]
    };
}

/// In this order they succeed. An NV index and a key come and go, so by chance each may also fail.
const COMMANDS: [Command; 10] = [
    // GetRandom of 32 bytes.
    (NO_SESSIONS, 0x17b, &[0, 32]),
    // PCR_Read of PCR 16, SHA-256.
    (NO_SESSIONS, 0x17e, &[0, 0, 0, 1, 0, 11, 3, 0, 0, 1]),
    // GetCapability: all commands.
    (NO_SESSIONS, 0x17a, &[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0]),
    // SelfTest of everything.
    (NO_SESSIONS, 0x143, &[1]),
    // PCR_Event into PCR 16.
    (SESSIONS, 0x13c, password!(0, 0, 0, 16; 0, 4, 1, 2, 3, 4)),
    // NV_DefineSpace of eight bytes at 0x01500002: a save.
    (
        SESSIONS,
        0x12a,
        password!(0x40, 0, 0, 1; 0, 0, 0, 14, 1, 0x50, 0, 2, 0, 11, 0, 2, 0, 2, 0, 0, 0, 8),
    ),
    // NV_Write of eight bytes there: a save.
    (SESSIONS, 0x137, password!(0x40, 0, 0, 1, 1, 0x50, 0, 2; 0, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)),
    // NV_UndefineSpace: a save.
    (SESSIONS, 0x122, password!(0x40, 0, 0, 1, 1, 0x50, 0, 2;)),
    // CreatePrimary of an ECC storage key: long work.
    (
        SESSIONS,
        0x131,
        password!(
            0x40, 0, 0, 1;
            0, 4, 0, 0, 0, 0,
            0, 26, 0, 0x23, 0, 11, 0, 3, 0, 0x72, 0, 0, 0, 6, 0, 0x80, 0, 0x43, 0, 0x10, 0, 3, 0, 0x10,
            0, 0, 0, 0,
            0, 0,
            0, 0, 0, 0
        ),
    ),
    // FlushContext of such a key.
    (NO_SESSIONS, 0x165, &[0x80, 0, 0, 0]),
];

/// All commands that are sent in order; one after another, they succeed.
pub fn sound_commands() -> impl Iterator<Item = Vec<u8>> {
    COMMANDS.iter().map(packet)
}

/// A sound command.
pub(crate) fn command(random: &mut Random) -> Vec<u8> {
    packet(&random.pick(&COMMANDS))
}

fn packet((tag, code, body): &Command) -> Vec<u8> {
    let length = u32::try_from(body.len() + 10).unwrap_or(u32::MAX);
    let mut packet = Vec::from(tag.to_be_bytes());
    packet.extend(length.to_be_bytes());
    packet.extend(code.to_be_bytes());
    packet.extend(*body);
    packet
}

/// A command with bytes changed, cut off or added, or bytes without any meaning.
pub(crate) fn nonsense(random: &mut Random) -> Vec<u8> {
    let mut packet = if random.once_in(4) { Vec::new() } else { command(random) };
    match random.below(3) {
        0 => packet.truncate(random.small(6) as usize),
        1 => packet.extend((0..random.small(12)).map(|at| at.to_le_bytes()[0])),
        _ => {}
    }
    for _ in 0..random.small(4) {
        let at = random.below(u32::try_from(packet.len()).unwrap_or(0)) as usize;
        if let Some(byte) = packet.get_mut(at) {
            *byte = random.byte();
        }
    }
    packet.truncate(domain_io::PAGE_BYTES - crate::page::PACKET);
    packet
}
