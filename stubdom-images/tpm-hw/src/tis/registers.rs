//! Registers of the FIFO interface, as offsets in a locality's page (TIS 1.3, 5.2; PTP 6.3).

pub(super) const ACCESS: u64 = 0x00;
pub(super) const INT_ENABLE: u64 = 0x08;
pub(super) const INTF_CAPABILITY: u64 = 0x14;
pub(super) const STS: u64 = 0x18;
/// The most significant byte of the 32-bit status, where `commandCancel` is.
pub(super) const STS_HIGH: u64 = 0x1B;
pub(super) const DATA_FIFO: u64 = 0x24;

/// `tpmRegValidSts`.
pub(super) const ACCESS_VALID: u8 = 0x80;
/// `activeLocality`; written, it gives the locality back or takes a request back.
pub(super) const ACCESS_ACTIVE: u8 = 0x20;
/// `requestUse`.
pub(super) const ACCESS_REQUEST: u8 = 0x02;

/// `stsValid`: `dataAvail` and `expect` count.
pub(super) const STS_VALID: u8 = 0x80;
/// `commandReady`; written, it readies the TPM or aborts what it does.
pub(super) const STS_READY: u8 = 0x40;
/// `tpmGo`.
pub(super) const STS_GO: u8 = 0x20;
/// `dataAvail`.
pub(super) const STS_DATA: u8 = 0x10;
/// `expect`.
pub(super) const STS_EXPECT: u8 = 0x08;
/// `responseRetry`.
pub(super) const STS_RESPONSE_RETRY: u8 = 0x02;
/// Bits that read as zero on every device.
pub(super) const STS_READS_ZERO: u8 = 0x23;
/// `commandCancel`, in [`STS_HIGH`].
pub(super) const STS_HIGH_CANCEL: u8 = 0x01;

/// `InterfaceVersion` of TIS 1.3 for TPM 2.0, and of the PTP.
const INTERFACE_13_TPM20: u32 = 3;

/// Whether `commandCancel` exists (TIS 1.3, 5.5.2.2; only for TPM 2.0).
pub(super) const fn can_cancel(capability: u32) -> bool {
    (capability >> 28) & 0x7 == INTERFACE_13_TPM20
}
