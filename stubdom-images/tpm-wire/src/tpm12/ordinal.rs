//! TPM 1.2 ordinals.

use crate::open_enum::open_enum;

open_enum! {
    /// A TPM 1.2 command's number (1.2 Part 2, 17 `TPM_ORDINAL`): those that the domains send,
    /// answer or refuse by name.
    Ordinal(u32) {
        /// `TPM_ORD_Extend`.
        EXTEND = 0x14,
        /// `TPM_ORD_PCRRead`.
        PCR_READ = 0x15,
        /// `TPM_ORD_CreateMaintenanceArchive`.
        CREATE_MAINTENANCE_ARCHIVE = 0x2C,
        /// `TPM_ORD_LoadMaintenanceArchive`.
        LOAD_MAINTENANCE_ARCHIVE = 0x2D,
        /// `TPM_ORD_KillMaintenanceFeature`.
        KILL_MAINTENANCE_FEATURE = 0x2E,
        /// `TPM_ORD_LoadManuMaintPub`.
        LOAD_MANU_MAINT_PUB = 0x2F,
        /// `TPM_ORD_ReadManuMaintPub`.
        READ_MANU_MAINT_PUB = 0x30,
        /// `TPM_ORD_GetRandom`.
        GET_RANDOM = 0x46,
        /// `TPM_ORD_SelfTestFull`.
        SELF_TEST_FULL = 0x50,
        /// `TPM_ORD_ContinueSelfTest`.
        CONTINUE_SELF_TEST = 0x53,
        /// `TPM_ORD_GetCapability`.
        GET_CAPABILITY = 0x65,
        /// `TPM_ORD_PhysicalEnable`.
        PHYSICAL_ENABLE = 0x6F,
        /// `TPM_ORD_PhysicalSetDeactivated`.
        PHYSICAL_SET_DEACTIVATED = 0x72,
        /// `TPM_ORD_CreateEndorsementKeyPair`.
        CREATE_ENDORSEMENT_KEY_PAIR = 0x78,
        /// `TPM_ORD_ReadPubek`.
        READ_PUBEK = 0x7C,
        /// `TPM_ORD_Init`: the platform's reset line, never a packet.
        INIT = 0x97,
        /// `TPM_ORD_SaveState`.
        SAVE_STATE = 0x98,
        /// `TPM_ORD_Startup`.
        STARTUP = 0x99,
        /// `TPM_ORD_FlushSpecific`.
        FLUSH_SPECIFIC = 0xBA,
        /// `TSC_ORD_PhysicalPresence`.
        TSC_PHYSICAL_PRESENCE = 0x4000_000A,
    }
}

impl Ordinal {
    /// Set in ordinals that a vendor made up (1.2 Part 2, 17 `TPM_VENDOR_COMMAND`).
    pub const VENDOR_BIT: u32 = 0x2000_0000;

    /// Whether a vendor made this ordinal up.
    #[must_use]
    pub const fn is_vendor(self) -> bool {
        self.0 & Self::VENDOR_BIT != 0
    }

    /// Whether this is one of the five optional maintenance commands (1.2 Part 3, 12).
    #[must_use]
    pub const fn is_maintenance(self) -> bool {
        self.0 >= Self::CREATE_MAINTENANCE_ARCHIVE.0 && self.0 <= Self::READ_MANU_MAINT_PUB.0
    }
}
