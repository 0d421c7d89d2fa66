//! Numbers on the wire that only custody needs (Part 2, 6.5.2, 7.4, 6.9).

use tpm_wire::tpm20::CommandCode;

pub(super) const NV_UNDEFINE_SPACE: CommandCode = CommandCode(0x122);
pub(super) const NV_DEFINE_SPACE: CommandCode = CommandCode(0x12A);
pub(super) const CREATE_PRIMARY: CommandCode = CommandCode(0x131);
pub(super) const NV_INCREMENT: CommandCode = CommandCode(0x134);
pub(super) const POLICY_NV: CommandCode = CommandCode(0x149);
pub(super) const NV_READ: CommandCode = CommandCode(0x14E);
pub(super) const CREATE: CommandCode = CommandCode(0x153);
pub(super) const LOAD: CommandCode = CommandCode(0x157);
pub(super) const UNSEAL: CommandCode = CommandCode(0x15E);
pub(super) const LOAD_EXTERNAL: CommandCode = CommandCode(0x167);
pub(super) const NV_READ_PUBLIC: CommandCode = CommandCode(0x169);
pub(super) const POLICY_AUTHORIZE: CommandCode = CommandCode(0x16A);
pub(super) const POLICY_OR: CommandCode = CommandCode(0x171);
pub(super) const READ_PUBLIC: CommandCode = CommandCode(0x173);
pub(super) const START_AUTH_SESSION: CommandCode = CommandCode(0x176);
pub(super) const VERIFY_SIGNATURE: CommandCode = CommandCode(0x177);
pub(super) const POLICY_PCR: CommandCode = CommandCode(0x17F);

pub(super) const OWNER: u32 = 0x4000_0001;
pub(super) const NULL: u32 = 0x4000_0007;
pub(super) const ENDORSEMENT: u32 = 0x4000_000B;

/// `TPM_CAP_ECC_CURVES`.
pub(super) const CAPABILITY_ECC_CURVES: u32 = 8;

/// Response codes without what they add about handles, sessions and parameters (Part 2, 6.6.3).
pub(super) mod code {
    pub(crate) const VALUE: u32 = 0x084;
    pub(crate) const HIERARCHY: u32 = 0x085;
    pub(crate) const HANDLE: u32 = 0x08B;
    pub(crate) const AUTH_FAIL: u32 = 0x08E;
    pub(crate) const SIZE: u32 = 0x095;
    pub(crate) const POLICY_FAIL: u32 = 0x09D;
    pub(crate) const INTEGRITY: u32 = 0x09F;
    pub(crate) const SIGNATURE: u32 = 0x09B;
    pub(crate) const TICKET: u32 = 0x0A0;
    pub(crate) const BAD_AUTH: u32 = 0x0A2;
    pub(crate) const BINDING: u32 = 0x0A5;
    pub(crate) const PCR_CHANGED: u32 = 0x128;
    pub(crate) const NV_SPACE: u32 = 0x14B;
    pub(crate) const NV_DEFINED: u32 = 0x14C;
    pub(crate) const POLICY: u32 = 0x126;
}
