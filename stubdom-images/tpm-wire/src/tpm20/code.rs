//! TPM 2.0 numbers other than hash algorithms and results.

use crate::open_enum::open_enum;

open_enum! {
    /// A command's number (Part 2, 6.5.2 `TPM_CC`): those that the domains send or judge.
    CommandCode(u32) {
        /// `TPM_CC_HierarchyChangeAuth`.
        HIERARCHY_CHANGE_AUTH = 0x129,
        /// `TPM_CC_PCR_Allocate`.
        PCR_ALLOCATE = 0x12B,
        /// `TPM_CC_CreatePrimary`.
        CREATE_PRIMARY = 0x131,
        /// `TPM_CC_DictionaryAttackParameters`.
        DICTIONARY_ATTACK_PARAMETERS = 0x13A,
        /// `TPM_CC_SelfTest`.
        SELF_TEST = 0x143,
        /// `TPM_CC_Startup`.
        STARTUP = 0x144,
        /// `TPM_CC_Shutdown`.
        SHUTDOWN = 0x145,
        /// `TPM_CC_FlushContext`.
        FLUSH_CONTEXT = 0x165,
        /// `TPM_CC_GetCapability`.
        GET_CAPABILITY = 0x17A,
        /// `TPM_CC_GetRandom`.
        GET_RANDOM = 0x17B,
        /// `TPM_CC_PCR_Read`.
        PCR_READ = 0x17E,
        /// `TPM_CC_PCR_Extend`.
        PCR_EXTEND = 0x182,
    }
}

impl CommandCode {
    /// Set in codes that a vendor made up (Part 2, 8.9 `TPMA_CC.V`).
    pub const VENDOR_BIT: u32 = 0x2000_0000;

    /// Whether a vendor made this code up.
    #[must_use]
    pub const fn is_vendor(self) -> bool {
        self.0 & Self::VENDOR_BIT != 0
    }
}

open_enum! {
    /// How Startup starts and what Shutdown keeps (Part 2, 6.10 `TPM_SU`).
    StartupType(u16) {
        /// A fresh boot; keep only what is permanent.
        CLEAR = 0x0000,
        /// Go on from, or keep, the state before.
        STATE = 0x0001,
    }
}

open_enum! {
    /// A handle that always exists (Part 2, 7.4 `TPM_RH`).
    Handle(u32) {
        /// The password "session".
        PASSWORD = 0x4000_0009,
        /// The lockout authority.
        LOCKOUT = 0x4000_000A,
        /// The endorsement hierarchy.
        ENDORSEMENT = 0x4000_000B,
        /// The platform hierarchy.
        PLATFORM = 0x4000_000C,
    }
}

open_enum! {
    /// What GetCapability can be asked (Part 2, 6.12 `TPM_CAP`).
    Capability(u32) {
        /// The handles in use from a given one upwards.
        HANDLES = 0x0000_0001,
        /// Which PCRs each bank holds.
        PCRS = 0x0000_0005,
        /// A range of [`Property`] values.
        TPM_PROPERTIES = 0x0000_0006,
    }
}

open_enum! {
    /// A property (Part 2, 6.13 `TPM_PT`).
    Property(u32) {
        /// Four letters for the manufacturer.
        MANUFACTURER = 0x105,
        /// The number of authorisation failures counted towards lockout.
        LOCKOUT_COUNTER = 0x20E,
        /// Failures before lockout.
        MAX_AUTH_FAIL = 0x20F,
        /// Seconds after which one failure is forgotten.
        LOCKOUT_INTERVAL = 0x210,
        /// Seconds after a failed use of the lockout authorisation before it may be used again.
        LOCKOUT_RECOVERY = 0x211,
    }
}
