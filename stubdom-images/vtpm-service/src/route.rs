//! Who answers a guest's command.

use alloc::vec::Vec;
use tpm_wire::tpm12::{self, Ordinal, TpmResult};
use tpm_wire::tpm20::{self, CommandCode, ResponseCode};
use tpm_wire::{Family, Header, HeaderError, PacketBuilder, Tag, TpmVersion};

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The engine.
    Engine,
    /// The TPM 1.2 side of a TPM 2.0.
    Probe(Header, &'a [u8]),
    /// This answer is all there is to say.
    Answer(Vec<u8>),
}

/// What goes wrong with a command before any TPM sees it, in the words of each family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The size field and the length differ, or the header is not whole.
    Size,
    /// This vTPM does not have the command.
    NoSuchCommand,
    /// The guest may not use the locality it claims.
    Locality,
    /// The answer does not fit the shared page.
    AnswerTooLong,
    /// The frontend does not have the TPM.
    NotServed,
}

impl Fault {
    /// The whole answer, for a command with this tag to a TPM of this version.
    pub(crate) fn answer(self, tag: Option<Tag>, version: TpmVersion) -> Vec<u8> {
        let speaks_12 = match tag.and_then(Tag::command_family) {
            Some(Family::Tpm12) => true,
            Some(Family::Tpm20) => false,
            Some(Family::Manager) | None => version == TpmVersion::Tpm12,
        };
        if speaks_12 {
            tpm12::error_response(self.result())
        } else {
            tpm20::error_response(self.response_code())
        }
    }

    const fn result(self) -> TpmResult {
        match self {
            Self::Size => TpmResult::BAD_PARAM_SIZE,
            Self::NoSuchCommand => TpmResult::BAD_ORDINAL,
            Self::Locality => TpmResult::BAD_LOCALITY,
            Self::AnswerTooLong => TpmResult::SIZE,
            Self::NotServed => TpmResult::FAIL,
        }
    }

    const fn response_code(self) -> ResponseCode {
        match self {
            Self::Size => ResponseCode::COMMAND_SIZE,
            Self::NoSuchCommand => ResponseCode::COMMAND_CODE,
            Self::Locality => ResponseCode::LOCALITY,
            Self::AnswerTooLong => ResponseCode::SIZE,
            Self::NotServed => ResponseCode::FAILURE,
        }
    }
}

/// Decides who answers `packet`. The engine only sees packets whose header is sound and whose
/// command its guest may send.
pub(crate) fn route(version: TpmVersion, packet: &[u8]) -> Route<'_> {
    let (header, parameters) = match Header::parse(packet) {
        Ok(parsed) => parsed,
        Err(HeaderError::TooShort) => return Route::Answer(Fault::Size.answer(None, version)),
        Err(HeaderError::Size { tag, .. }) => {
            return Route::Answer(Fault::Size.answer(Some(tag), version));
        }
    };
    let withheld = Fault::NoSuchCommand.answer(Some(header.tag), version);
    match (header.tag.command_family(), version) {
        (Some(Family::Manager), _) => Route::Answer(no_manager(header.tag)),
        (Some(Family::Tpm12), TpmVersion::Tpm20) => Route::Probe(header, parameters),
        (Some(Family::Tpm12), TpmVersion::Tpm12) if is_withheld_12(header.code) => {
            Route::Answer(withheld)
        }
        (Some(Family::Tpm20), TpmVersion::Tpm20) if CommandCode(header.code).is_vendor() => {
            Route::Answer(withheld)
        }
        // A tag of the other family, or of none, gets the engine's own refusal.
        _ => Route::Engine,
    }
}

/// Ordinals that are not a guest's to send: the reset line, maintenance, and what vendors made up.
/// A TSC ordinal has another bit and is not among them.
fn is_withheld_12(code: u32) -> bool {
    let ordinal = Ordinal(code);
    ordinal == Ordinal::INIT || ordinal.is_maintenance() || ordinal.is_vendor()
}

/// The manager's own form of "this command is disabled": its answers have the tag three above.
fn no_manager(tag: Tag) -> Vec<u8> {
    let answer = if tag == Tag::VTPM_REQ { Tag::VTPM_RSP } else { Tag::VTPM_RSP2 };
    PacketBuilder::new(answer, TpmResult::DISABLED_CMD.0).finish()
}

#[cfg(test)]
mod tests {
    use super::{Route, route};
    use alloc::vec::Vec;
    use tpm_wire::{PacketBuilder, Tag, TpmVersion};

    fn packet(tag: Tag, code: u32) -> Vec<u8> {
        PacketBuilder::new(tag, code).finish()
    }

    fn answered(version: TpmVersion, packet: &[u8]) -> Vec<u8> {
        match route(version, packet) {
            Route::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tpm_sees_the_commands_of_its_own_family() {
        let get_random = packet(Tag::NO_SESSIONS, 0x17B);
        assert_eq!(route(TpmVersion::Tpm20, &get_random), Route::Engine);
        let take_ownership = packet(Tag::RQU_AUTH1_COMMAND, 0x0D);
        assert_eq!(route(TpmVersion::Tpm12, &take_ownership), Route::Engine);
        assert!(matches!(route(TpmVersion::Tpm20, &take_ownership), Route::Probe(..)));
    }

    #[test]
    fn maintenance_vendor_and_reset_ordinals_are_unknown() {
        let expected = [0x00, 0xC4, 0, 0, 0, 10, 0, 0, 0, 0x0A];
        for ordinal in [0x2C, 0x2D, 0x2E, 0x2F, 0x30, 0x97, 0x2000_0016, 0x2000_007C, 0x2000_1000] {
            let answer = answered(TpmVersion::Tpm12, &packet(Tag::RQU_COMMAND, ordinal));
            assert_eq!(answer, expected, "{ordinal:#x}");
        }
        let presence = packet(Tag::RQU_COMMAND, 0x4000_000A);
        assert_eq!(route(TpmVersion::Tpm12, &presence), Route::Engine);
    }

    #[test]
    fn a_vendor_command_of_tpm_20_is_unknown() {
        let answer = answered(TpmVersion::Tpm20, &packet(Tag::NO_SESSIONS, 0x2000_1000));
        assert_eq!(answer, [0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x43]);
    }

    #[test]
    fn a_guest_does_not_reach_the_manager() {
        for version in [TpmVersion::Tpm12, TpmVersion::Tpm20] {
            let first = answered(version, &packet(Tag::VTPM_REQ, 2));
            assert_eq!(first, [0x01, 0xC4, 0, 0, 0, 10, 0, 0, 0, 8]);
            let second = answered(version, &packet(Tag::VTPM_REQ2, 0x0200_0101));
            assert_eq!(second, [0x01, 0xC5, 0, 0, 0, 10, 0, 0, 0, 8]);
        }
    }

    /// TPM 1.2 Part 2, 6: what has no authorisation, as no error has, has the one tag.
    #[test]
    fn an_error_of_a_tpm_12_has_the_one_tag_of_errors_whatever_its_command_has() {
        let expected = [0x00, 0xC4, 0, 0, 0, 10, 0, 0, 0, 0x0A];
        for tag in [Tag::RQU_COMMAND, Tag::RQU_AUTH1_COMMAND, Tag::RQU_AUTH2_COMMAND] {
            assert_eq!(answered(TpmVersion::Tpm12, &packet(tag, 0x2000_0016)), expected);
        }
    }

    #[test]
    fn a_lying_size_is_answered_in_the_command_s_own_family() {
        let lying = [0x00, 0xC1, 0, 0, 0, 99, 0, 0, 0, 0x65];
        let expected = [0x00, 0xC4, 0, 0, 0, 10, 0, 0, 0, 0x19];
        assert_eq!(answered(TpmVersion::Tpm20, &lying), expected);
        let short = answered(TpmVersion::Tpm20, &[0x80, 0x01]);
        assert_eq!(short, [0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x42]);
    }
}
