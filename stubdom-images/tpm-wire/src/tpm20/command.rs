//! The TPM 2.0 commands that a vTPM domain sends to its own engine.

use super::{Capability, CommandCode, Handle, HashAlgorithm, Property, StartupType};
use crate::builder::PacketBuilder;
use crate::tag::Tag;
use alloc::vec::Vec;

/// PCRs that a PC has, and so bits in every selection here (PC Client Platform TPM Profile 1.05, 4.6).
const PCR_BITMAP_BYTES: u8 = 3;

fn plain(code: CommandCode) -> PacketBuilder {
    PacketBuilder::new(Tag::NO_SESSIONS, code.0)
}

/// Starts a command on one handle, authorised by a password (Part 1, 19.4); its parameters follow.
pub fn authorised(code: CommandCode, handle: u32, password: &[u8]) -> PacketBuilder {
    let nonce_and_attributes_and_lengths = 4 + 2 + 1 + 2;
    let length = u32::try_from(password.len()).unwrap_or(u32::MAX);
    PacketBuilder::new(Tag::SESSIONS, code.0)
        .u32(handle)
        .u32(length.saturating_add(nonce_and_attributes_and_lengths))
        .u32(Handle::PASSWORD.0)
        .sized(&[])
        .u8(0)
        .sized(password)
}

/// TPM2_Startup (Part 3, 9.3).
#[must_use]
pub fn startup(kind: StartupType) -> Vec<u8> {
    plain(CommandCode::STARTUP).u16(kind.0).finish()
}

/// TPM2_Shutdown (Part 3, 9.4).
#[must_use]
pub fn shutdown(kind: StartupType) -> Vec<u8> {
    plain(CommandCode::SHUTDOWN).u16(kind.0).finish()
}

/// TPM2_SelfTest (Part 3, 10.2). `full` repeats tests that have run already.
#[must_use]
pub fn self_test(full: bool) -> Vec<u8> {
    plain(CommandCode::SELF_TEST).u8(u8::from(full)).finish()
}

/// TPM2_GetRandom (Part 3, 16.1). The answer may hold fewer bytes than asked for.
#[must_use]
pub fn get_random(bytes: u16) -> Vec<u8> {
    plain(CommandCode::GET_RANDOM).u16(bytes).finish()
}

/// TPM2_GetCapability (Part 3, 30.2).
#[must_use]
pub fn get_capability(area: Capability, first: Property, count: u32) -> Vec<u8> {
    plain(CommandCode::GET_CAPABILITY).u32(area.0).u32(first.0).u32(count).finish()
}

/// TPM2_PCR_Read (Part 3, 22.4) of one PCR, 0 to 23, in one bank. A PCR outside that range selects
/// nothing.
#[must_use]
pub fn pcr_read(bank: HashAlgorithm, pcr: u32) -> Vec<u8> {
    let bit = 1_u32.checked_shl(pcr).unwrap_or(0);
    let [low, middle, high, _] = bit.to_le_bytes();
    plain(CommandCode::PCR_READ)
        .u32(1)
        .u16(bank.0)
        .u8(PCR_BITMAP_BYTES)
        .bytes(&[low, middle, high])
        .finish()
}

/// TPM2_PCR_Extend (Part 3, 22.2): one digest for each bank named, each as long as its bank's.
#[must_use]
pub fn pcr_extend(pcr: u32, digests: &[(HashAlgorithm, Vec<u8>)]) -> Vec<u8> {
    let count = u32::try_from(digests.len()).unwrap_or(u32::MAX);
    let start = authorised(CommandCode::PCR_EXTEND, pcr, &[]).u32(count);
    digests
        .iter()
        .fold(start, |packet, (algorithm, digest)| packet.u16(algorithm.0).bytes(digest))
        .finish()
}

/// TPM2_PCR_Allocate (Part 3, 22.5) with an empty platform authorisation: all PCRs in the banks of
/// `active`, none in the other banks of `known`. Works from the next reset on.
#[must_use]
pub fn pcr_allocate(known: &[HashAlgorithm], active: &[HashAlgorithm]) -> Vec<u8> {
    let count = u32::try_from(known.len()).unwrap_or(u32::MAX);
    let start = authorised(CommandCode::PCR_ALLOCATE, Handle::PLATFORM.0, &[]).u32(count);
    known
        .iter()
        .fold(start, |packet, bank| {
            let bits = if active.contains(bank) { 0xFF } else { 0x00 };
            packet.u16(bank.0).u8(PCR_BITMAP_BYTES).bytes(&[bits; 3])
        })
        .finish()
}

/// TPM2_HierarchyChangeAuth (Part 3, 24.8).
#[must_use]
pub fn hierarchy_change_auth(hierarchy: Handle, old: &[u8], new: &[u8]) -> Vec<u8> {
    authorised(CommandCode::HIERARCHY_CHANGE_AUTH, hierarchy.0, old).sized(new).finish()
}

/// How a TPM 2.0 defends against guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DictionaryAttack {
    /// Failures before lockout.
    pub max_tries: u32,
    /// Seconds without a failure after which one failure is forgotten.
    pub recovery_seconds: u32,
    /// Seconds after a failed use of the lockout authorisation before it may be used again.
    pub lockout_recovery_seconds: u32,
}

/// TPM2_DictionaryAttackParameters (Part 3, 25.3) with an empty lockout authorisation.
#[must_use]
pub fn dictionary_attack_parameters(parameters: DictionaryAttack) -> Vec<u8> {
    authorised(CommandCode::DICTIONARY_ATTACK_PARAMETERS, Handle::LOCKOUT.0, &[])
        .u32(parameters.max_tries)
        .u32(parameters.recovery_seconds)
        .u32(parameters.lockout_recovery_seconds)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::{get_random, pcr_extend, pcr_read, startup};
    use crate::tpm20::{HashAlgorithm, StartupType};
    use alloc::vec;

    #[test]
    fn startup_clear_is_the_packet_every_firmware_sends() {
        let expected = [0x80, 0x01, 0, 0, 0, 0x0C, 0, 0, 0x01, 0x44, 0, 0];
        assert_eq!(startup(StartupType::CLEAR), expected);
        assert_eq!(get_random(32).len(), 12);
    }

    #[test]
    fn a_pcr_is_one_bit_of_three_bytes() {
        let packet = pcr_read(HashAlgorithm::SHA256, 10);
        assert_eq!(packet.get(10..), Some(&[0, 0, 0, 1, 0, 0x0B, 3, 0, 4, 0][..]));
        let nothing = pcr_read(HashAlgorithm::SHA256, u32::MAX);
        assert_eq!(nothing.get(17..), Some(&[0, 0, 0][..]));
    }

    #[test]
    fn an_extend_carries_an_empty_password() {
        let packet = pcr_extend(7, &[(HashAlgorithm::SHA1, vec![0xAA; 20])]);
        let authorisation = [0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0];
        assert_eq!(packet.get(14..27), Some(&authorisation[..]));
        assert_eq!(packet.len(), 27 + 4 + 2 + 20);
    }
}
