//! What TPM 1.2's GetCapability can be asked.

use crate::open_enum::open_enum;
use alloc::vec::Vec;

open_enum! {
    /// The area of a capability (1.2 Part 2, 21.1 `TPM_CAPABILITY_AREA`).
    Capability(u32) {
        /// `TPM_CAP_ORD`: is this ordinal supported?
        ORD = 1,
        /// `TPM_CAP_FLAG`: permanent or volatile flags.
        FLAG = 4,
        /// `TPM_CAP_PROPERTY`: a [`Property`].
        PROPERTY = 5,
        /// `TPM_CAP_VERSION`: always 1.1.0.0 (for programs of that age).
        VERSION = 6,
        /// `TPM_CAP_HANDLE`: the loaded resources of one type.
        HANDLE = 0x14,
        /// `TPM_CAP_VERSION_VAL`: `TPM_CAP_VERSION_INFO`.
        VERSION_VAL = 0x1A,
    }
}

open_enum! {
    /// A property (1.2 Part 2, 21.2), or which flags [`Capability::FLAG`] means (21.1).
    Property(u32) {
        /// `TPM_CAP_PROP_PCR`: the number of PCRs.
        PCR = 0x101,
        /// `TPM_CAP_PROP_MANUFACTURER`: four letters.
        MANUFACTURER = 0x103,
        /// `TPM_CAP_FLAG_PERMANENT`.
        FLAG_PERMANENT = 0x108,
        /// `TPM_CAP_FLAG_VOLATILE`.
        FLAG_VOLATILE = 0x109,
        /// `TPM_CAP_PROP_OWNER`: is there an owner?
        OWNER = 0x111,
        /// `TPM_CAP_PROP_TIS_TIMEOUT`: time-outs A, B, C, D in microseconds.
        TIS_TIMEOUT = 0x115,
        /// `TPM_CAP_PROP_DURATION`: short, medium, long durations in microseconds.
        DURATION = 0x120,
        /// `TPM_CAP_PROP_INPUT_BUFFER`: the longest command in bytes.
        INPUT_BUFFER = 0x124,
    }
}

/// `TPM_PERMANENT_FLAGS` (1.2 Part 2, 7.1) of a TPM that is enabled and activated, with physical
/// presence by command: tag 0x001F, then twenty flags of one byte.
#[must_use]
pub fn permanent_flags() -> Vec<u8> {
    const OWNERSHIP: usize = 1;
    const PHYSICAL_PRESENCE_CMD_ENABLE: usize = 8;
    const TPM_POST: usize = 10;
    let set = [OWNERSHIP, PHYSICAL_PRESENCE_CMD_ENABLE, TPM_POST];
    let flags = (0..20).map(|flag| u8::from(set.contains(&flag)));
    [0x00, 0x1F].into_iter().chain(flags).collect()
}

/// `TPM_STCLEAR_FLAGS` (1.2 Part 2, 7.2) of a TPM that is active and has physical presence
/// asserted: tag 0x0020, then five flags of one byte.
#[must_use]
pub const fn volatile_flags() -> [u8; 7] {
    let (deactivated, disable_force_clear, physical_presence) = (0, 0, 1);
    let (physical_presence_lock, global_lock) = (0, 0);
    let [high, low] = 0x0020_u16.to_be_bytes();
    [
        high,
        low,
        deactivated,
        disable_force_clear,
        physical_presence,
        physical_presence_lock,
        global_lock,
    ]
}
