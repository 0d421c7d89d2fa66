//! Where commands and responses go, as the control area says.

use super::present;
use super::registers::{CMD_HADDR, CMD_LADDR, CMD_SIZE, RSP_HADDR, RSP_LADDR, RSP_SIZE};
use crate::bus::{Bus, Mmio};
use crate::error::HardwareError;
use crate::hardware::MAX_PACKET_BYTES;
use tpm_wire::HEADER_BYTES;

/// One buffer, all of it mapped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Buffer {
    pub(super) address: u64,
    pub(super) bytes: usize,
}

/// The device's two buffers, which may be one and the same memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Buffers {
    pub(super) command: Buffer,
    pub(super) response: Buffer,
}

impl Buffers {
    pub(super) fn read<M: Mmio>(bus: &mut Bus<M>, control: u64) -> Result<Self, HardwareError> {
        let command = read(bus, control, "command", [CMD_SIZE, CMD_LADDR, CMD_HADDR])?;
        let response = read(bus, control, "response", [RSP_SIZE, RSP_LADDR, RSP_HADDR])?;
        Ok(Self { command, response })
    }

    pub(super) fn command_limit(&self) -> usize {
        self.command.bytes
    }
}

/// Reads and checks one buffer. One that claims more than a packet can have is used as far as a
/// packet can reach: some firmware declares more than it reserves.
fn read<M: Mmio>(
    bus: &mut Bus<M>,
    control: u64,
    which: &'static str,
    [size, low, high]: [u64; 3],
) -> Result<Buffer, HardwareError> {
    let claimed = u64::from(present(bus.read32(control + size))?);
    let address =
        u64::from(bus.read32(control + high)) << 32 | u64::from(bus.read32(control + low));
    let bad = HardwareError::BadBuffer { which, address, bytes: claimed };
    let bytes = usize::try_from(claimed).map_err(|_| bad)?.min(MAX_PACKET_BYTES);
    let mapped = u64::try_from(bytes).is_ok_and(|bytes| bus.covers(address, bytes));
    if bytes < HEADER_BYTES || !mapped {
        return Err(bad);
    }
    Ok(Buffer { address, bytes })
}
