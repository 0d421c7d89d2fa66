//! TPM 1.2 results and the answers that carry them.

use crate::builder::PacketBuilder;
use crate::open_enum::open_enum;
use crate::tag::Tag;
use alloc::vec::Vec;

open_enum! {
    /// A TPM 1.2 return code (1.2 Part 2, 16 `TPM_RESULT`).
    TpmResult(u32) {
        /// `TPM_SUCCESS`.
        SUCCESS = 0x00,
        /// `TPM_AUTHFAIL`.
        AUTH_FAIL = 0x01,
        /// `TPM_BADINDEX`: no such PCR.
        BAD_INDEX = 0x02,
        /// `TPM_BAD_PARAMETER`.
        BAD_PARAMETER = 0x03,
        /// `TPM_DISABLED`.
        DISABLED = 0x07,
        /// `TPM_DISABLED_CMD`.
        DISABLED_CMD = 0x08,
        /// `TPM_FAIL`.
        FAIL = 0x09,
        /// `TPM_BAD_ORDINAL`: the command is unknown or inconsistent.
        BAD_ORDINAL = 0x0A,
        /// `TPM_NOSPACE`.
        NO_SPACE = 0x11,
        /// `TPM_SIZE`: no room for the answer.
        SIZE = 0x17,
        /// `TPM_BAD_PARAM_SIZE`: the packet's length does not fit the command.
        BAD_PARAM_SIZE = 0x19,
        /// `TPM_BADTAG`.
        BAD_TAG = 0x1E,
        /// `TPM_FAILEDSELFTEST`: the TPM found itself broken.
        FAILED_SELF_TEST = 0x1C,
        /// `TPM_INVALID_POSTINIT`: Startup was sent already, or not yet.
        INVALID_POSTINIT = 0x26,
        /// `TPM_BAD_MODE`: a capability this TPM does not have.
        BAD_MODE = 0x2C,
        /// `TPM_BAD_LOCALITY`.
        BAD_LOCALITY = 0x3D,
        /// `TPM_RETRY`: busy, send the command again.
        RETRY = 0x800,
        /// `TPM_NEEDS_SELFTEST`: the command needs a self test that has not run.
        NEEDS_SELF_TEST = 0x801,
        /// `TPM_DOING_SELFTEST`: self tests are running; send the command again.
        DOING_SELF_TEST = 0x802,
    }
}

/// The whole answer to a command that failed.
#[must_use]
pub fn error_response(result: TpmResult) -> Vec<u8> {
    PacketBuilder::new(Tag::RSP_COMMAND, result.0).finish()
}

/// The whole answer to a command without authorisation that succeeded.
#[must_use]
pub fn success_response(body: &[u8]) -> Vec<u8> {
    PacketBuilder::new(Tag::RSP_COMMAND, TpmResult::SUCCESS.0).bytes(body).finish()
}
