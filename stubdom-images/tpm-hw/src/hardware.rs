//! What the rest of a manager asks of the hardware TPM.

use crate::error::HardwareError;
use crate::tis::Timeouts;
use alloc::vec::Vec;
use domain_io::WatchEvent;
use tpm_wire::Header;
use tpm_wire::tpm12::TpmResult;
use tpm_wire::tpm20::ResponseCode;

/// The longest packet that is sent or taken; the page between two TPM domains holds 4088, TPMs
/// themselves 2048 to 4096.
pub const MAX_PACKET_BYTES: usize = 4096;

/// A TPM that takes one command at a time.
pub trait HardwareTpm {
    /// Sends a whole command packet and returns the whole response packet, the TPM's own error
    /// responses included. Returns within a bounded time whatever the device does.
    ///
    /// # Errors
    /// [`HardwareError`] when there is no response. The next call starts afresh.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError>;

    /// Takes over time-outs that the TPM itself named. Drivers without such time-outs ignore it.
    fn adopt_timeouts(&mut self, timeouts: Timeouts) {
        let _ = timeouts;
    }

    /// Takes note of a xenstore watch event; `false` when it belongs to somebody else. Drivers of
    /// registers watch nothing.
    fn notice(&mut self, event: &WatchEvent) -> bool {
        let _ = event;
        false
    }
}

/// Whether a TPM that answers with this code is worth the same bytes again: it is testing itself, gave way to
/// something else, or spares its memory. The numbers of the two families do not collide.
#[must_use]
pub fn is_busy(code: u32) -> bool {
    let busy_20 =
        [ResponseCode::TESTING, ResponseCode::YIELDED, ResponseCode::RETRY, ResponseCode::NV_RATE];
    let busy_12 = [TpmResult::RETRY, TpmResult::NEEDS_SELF_TEST, TpmResult::DOING_SELF_TEST];
    busy_20.contains(&ResponseCode(code)) || busy_12.contains(&TpmResult(code))
}

/// Refuses a command whose size field lies, or which is longer than `limit`.
pub(crate) fn check_command(command: &[u8], limit: usize) -> Result<(), HardwareError> {
    if command.len() > limit {
        return Err(HardwareError::CommandLength { bytes: command.len(), limit });
    }
    Header::parse(command).map_err(|_| HardwareError::CommandMalformed)?;
    Ok(())
}

/// The size field of a response's first bytes; `None` while there are fewer than six.
pub(crate) fn claimed_length(start: &[u8]) -> Option<u32> {
    let field = start.get(2..6)?;
    Some(u32::from_be_bytes(field.try_into().ok()?))
}
