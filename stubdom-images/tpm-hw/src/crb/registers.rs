//! Registers of the CRB interface (PTP 6.5.3).

/// In the locality's page, before the control area.
pub(super) const LOC_STATE: u64 = 0x00;
pub(super) const LOC_CTRL: u64 = 0x08;

/// Where the control area starts in a locality's page.
pub(super) const CONTROL_AREA: u64 = 0x40;
/// How long it is.
pub(super) const CONTROL_AREA_BYTES: u64 = 0x30;

/// In the control area.
pub(super) const CTRL_REQ: u64 = 0x00;
pub(super) const CTRL_STS: u64 = 0x04;
pub(super) const CTRL_CANCEL: u64 = 0x08;
pub(super) const CTRL_START: u64 = 0x0C;
pub(super) const INT_ENABLE: u64 = 0x10;
pub(super) const CMD_SIZE: u64 = 0x18;
pub(super) const CMD_LADDR: u64 = 0x1C;
pub(super) const CMD_HADDR: u64 = 0x20;
pub(super) const RSP_SIZE: u64 = 0x24;
pub(super) const RSP_LADDR: u64 = 0x28;
pub(super) const RSP_HADDR: u64 = 0x2C;

/// `tpmRegValidSts`.
pub(super) const STATE_VALID: u32 = 1 << 7;
/// `locAssigned`.
pub(super) const STATE_ASSIGNED: u32 = 1 << 1;

/// Which locality is assigned (`activeLocality`).
pub(super) const fn active_locality(state: u32) -> u32 {
    (state >> 2) & 0x7
}

/// `requestAccess` and `relinquish` in [`LOC_CTRL`].
pub(super) const REQUEST_ACCESS: u32 = 1;
pub(super) const RELINQUISH: u32 = 1 << 1;

/// `cmdReady` and `goIdle` in [`CTRL_REQ`].
pub(super) const CMD_READY: u32 = 1;
pub(super) const GO_IDLE: u32 = 1 << 1;

/// `tpmSts` in [`CTRL_STS`]: an error that only a reset clears.
pub(super) const STS_ERROR: u32 = 1;

/// The only bit of [`CTRL_START`] and [`CTRL_CANCEL`].
pub(super) const START: u32 = 1;
pub(super) const CANCEL: u32 = 1;
