//! The TPM 1.2 commands that a vTPM domain sends to its own engine.

use super::{Capability, Ordinal};
use crate::builder::PacketBuilder;
use crate::open_enum::open_enum;
use crate::tag::Tag;
use alloc::vec::Vec;

open_enum! {
    /// How TPM_Startup starts (1.2 Part 2, 4.5 `TPM_STARTUP_TYPE`).
    StartupType(u16) {
        /// `TPM_ST_CLEAR`: a fresh boot.
        CLEAR = 1,
        /// `TPM_ST_STATE`: go on from what TPM_SaveState kept.
        STATE = 2,
        /// `TPM_ST_DEACTIVATED`: deactivated until the next reset.
        DEACTIVATED = 3,
    }
}

open_enum! {
    /// What TSC_PhysicalPresence does (1.2 Part 2, 4.9 `TPM_PHYSICAL_PRESENCE`); values that do not
    /// contradict each other may be or'd.
    PhysicalPresence(u16) {
        /// Presence is asserted until the next reset.
        PRESENT = 0x0008,
        /// Presence by command is possible; kept for ever.
        CMD_ENABLE = 0x0020,
        /// What the two enable flags say now can never be changed.
        LIFETIME_LOCK = 0x0080,
        /// Presence by a hardware line is not possible; kept for ever.
        HW_DISABLE = 0x0200,
    }
}

fn command(ordinal: Ordinal) -> PacketBuilder {
    PacketBuilder::new(Tag::RQU_COMMAND, ordinal.0)
}

/// TPM_Startup (1.2 Part 3, 3.2).
#[must_use]
pub fn startup(kind: StartupType) -> Vec<u8> {
    command(Ordinal::STARTUP).u16(kind.0).finish()
}

/// TPM_SaveState (1.2 Part 3, 3.3).
#[must_use]
pub fn save_state() -> Vec<u8> {
    command(Ordinal::SAVE_STATE).finish()
}

/// TSC_PhysicalPresence (1.2 Part 3, 6.6).
#[must_use]
pub fn physical_presence(what: PhysicalPresence) -> Vec<u8> {
    command(Ordinal::TSC_PHYSICAL_PRESENCE).u16(what.0).finish()
}

/// TPM_PhysicalEnable (1.2 Part 3, 5.3); needs physical presence.
#[must_use]
pub fn physical_enable() -> Vec<u8> {
    command(Ordinal::PHYSICAL_ENABLE).finish()
}

/// TPM_PhysicalSetDeactivated (1.2 Part 3, 5.5); needs physical presence.
#[must_use]
pub fn physical_set_deactivated(deactivated: bool) -> Vec<u8> {
    command(Ordinal::PHYSICAL_SET_DEACTIVATED).u8(u8::from(deactivated)).finish()
}

/// TPM_CreateEndorsementKeyPair (1.2 Part 3, 14.1) for the key that the PC Client specification
/// demands: RSA-2048, OAEP, no signature scheme.
#[must_use]
pub fn create_endorsement_key_pair(anti_replay: [u8; 20]) -> Vec<u8> {
    const ALG_RSA: u32 = 1;
    const ENC_SCHEME_OAEP: u16 = 3;
    const SIG_SCHEME_NONE: u16 = 1;
    let (key_bits, primes, exponent_bytes) = (2048, 2, 0);
    command(Ordinal::CREATE_ENDORSEMENT_KEY_PAIR)
        .bytes(&anti_replay)
        .u32(ALG_RSA)
        .u16(ENC_SCHEME_OAEP)
        .u16(SIG_SCHEME_NONE)
        .u32(12)
        .u32(key_bits)
        .u32(primes)
        .u32(exponent_bytes)
        .finish()
}

/// TPM_ReadPubek (1.2 Part 3, 14.4).
#[must_use]
pub fn read_pubek(anti_replay: [u8; 20]) -> Vec<u8> {
    command(Ordinal::READ_PUBEK).bytes(&anti_replay).finish()
}

/// TPM_GetCapability (1.2 Part 3, 7.1).
#[must_use]
pub fn get_capability(area: Capability, sub: &[u8]) -> Vec<u8> {
    let length = u32::try_from(sub.len()).unwrap_or(u32::MAX);
    command(Ordinal::GET_CAPABILITY).u32(area.0).u32(length).bytes(sub).finish()
}

#[cfg(test)]
mod tests {
    use super::{
        PhysicalPresence, StartupType, create_endorsement_key_pair, physical_presence, startup,
    };

    #[test]
    fn startup_clear_is_the_packet_every_firmware_sends() {
        let expected = [0x00, 0xC1, 0, 0, 0, 0x0C, 0, 0, 0, 0x99, 0, 1];
        assert_eq!(startup(StartupType::CLEAR), expected);
    }

    #[test]
    fn presence_is_a_tsc_ordinal() {
        let expected = [0x00, 0xC1, 0, 0, 0, 0x0C, 0x40, 0, 0, 0x0A, 0, 8];
        assert_eq!(physical_presence(PhysicalPresence::PRESENT), expected);
    }

    #[test]
    fn the_endorsement_key_command_has_its_fixed_length() {
        assert_eq!(create_endorsement_key_pair([7; 20]).len(), 54);
    }
}
