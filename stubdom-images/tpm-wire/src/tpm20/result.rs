//! TPM 2.0 results.

use crate::open_enum::open_enum;

open_enum! {
    /// A response code (Part 2, 6.6 `TPM_RC`).
    ResponseCode(u32) {
        /// `TPM_RC_SUCCESS`.
        SUCCESS = 0x000,
        /// `TPM_RC_BAD_TAG`: what a TPM 2.0 says to a TPM 1.2 command.
        BAD_TAG = 0x01E,
        /// `TPM_RC_INITIALIZE`: Startup was sent already, or not yet.
        INITIALIZE = 0x100,
        /// `TPM_RC_FAILURE`: the TPM is in failure mode.
        FAILURE = 0x101,
        /// `TPM_RC_COMMAND_SIZE`: the packet's length does not fit the command.
        COMMAND_SIZE = 0x142,
        /// `TPM_RC_COMMAND_CODE`: no such command here.
        COMMAND_CODE = 0x143,
        /// `TPM_RC_SIZE`, without the position of the value.
        SIZE = 0x095,
        /// `TPM_RC_LOCALITY`.
        LOCALITY = 0x907,
        /// `TPM_RC_YIELDED`: the TPM gave way to something more urgent; send the command again.
        YIELDED = 0x908,
        /// `TPM_RC_TESTING`: self tests are running; send the command again.
        TESTING = 0x90A,
        /// `TPM_RC_NV_RATE`: its memory is written too often; send the command again after a while.
        NV_RATE = 0x920,
        /// `TPM_RC_RETRY`: send the command again.
        RETRY = 0x922,
    }
}
