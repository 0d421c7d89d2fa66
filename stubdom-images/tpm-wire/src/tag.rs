//! The first two bytes of a packet.

use crate::open_enum::open_enum;

open_enum! {
    /// What family and form a packet has (1.2 Part 2, 6 `TPM_TAG`; Part 2, 6.9 `TPM_ST`; for the
    /// manager's own tags, Xen stubdom/vtpmmgr/vtpm_manager.h).
    Tag(u16) {
        /// A TPM 1.2 command without authorisation.
        RQU_COMMAND = 0x00C1,
        /// A TPM 1.2 command with one authorisation.
        RQU_AUTH1_COMMAND = 0x00C2,
        /// A TPM 1.2 command with two authorisations.
        RQU_AUTH2_COMMAND = 0x00C3,
        /// A TPM 1.2 response without authorisation; every error response of either family that
        /// says "this tag means nothing here" has it too.
        RSP_COMMAND = 0x00C4,
        /// A TPM 1.2 response with one authorisation.
        RSP_AUTH1_COMMAND = 0x00C5,
        /// A TPM 1.2 response with two authorisations.
        RSP_AUTH2_COMMAND = 0x00C6,
        /// A request of a vTPM domain to the manager.
        VTPM_REQ = 0x01C1,
        /// A management request to the manager.
        VTPM_REQ2 = 0x01C2,
        /// The manager's answer to [`Tag::VTPM_REQ`].
        VTPM_RSP = 0x01C4,
        /// The manager's answer to [`Tag::VTPM_REQ2`].
        VTPM_RSP2 = 0x01C5,
        /// A TPM 2.0 packet without sessions.
        NO_SESSIONS = 0x8001,
        /// A TPM 2.0 packet with sessions.
        SESSIONS = 0x8002,
    }
}

/// Who understands a command with a given tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A TPM 1.2.
    Tpm12,
    /// A TPM 2.0.
    Tpm20,
    /// The manager domain.
    Manager,
}

impl Tag {
    /// The family of commands with this tag; `None` for a tag that starts no command.
    #[must_use]
    pub const fn command_family(self) -> Option<Family> {
        match self {
            Self::RQU_COMMAND | Self::RQU_AUTH1_COMMAND | Self::RQU_AUTH2_COMMAND => {
                Some(Family::Tpm12)
            }
            Self::NO_SESSIONS | Self::SESSIONS => Some(Family::Tpm20),
            Self::VTPM_REQ | Self::VTPM_REQ2 => Some(Family::Manager),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, Tag};
    use alloc::string::ToString;

    #[test]
    fn a_response_tag_starts_no_command() {
        assert_eq!(Tag::RSP_COMMAND.command_family(), None);
        assert_eq!(Tag::RQU_AUTH2_COMMAND.command_family(), Some(Family::Tpm12));
        assert_eq!(Tag::VTPM_REQ2.command_family(), Some(Family::Manager));
    }

    #[test]
    fn an_unnamed_tag_is_still_a_tag() {
        assert_eq!(Tag(0xABCD).to_string(), "0xabcd");
        assert_eq!(Tag::SESSIONS.to_string(), "SESSIONS (0x8002)");
    }
}
