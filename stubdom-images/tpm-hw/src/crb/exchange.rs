//! One command, from idle to idle.

use super::registers::{
    CANCEL, CMD_READY, CTRL_CANCEL, CTRL_REQ, CTRL_START, CTRL_STS, GO_IDLE, START, STS_ERROR,
};
use super::{Crb, present};
use crate::bus::Mmio;
use crate::duration;
use crate::error::{Fault, HardwareError, Wait};
use crate::hardware::claimed_length;
use crate::wait::{self, Time};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use tpm_wire::HEADER_BYTES;

/// For the device to end a cancelled command (PTP, table 15: TIMEOUT_B, doubled as for the FIFO).
const TIMEOUT_B: Duration = Duration::from_secs(4);

/// For the device to become ready or idle. PTP's TIMEOUT_C is 200 ms; firmware that shares its
/// processor with others takes longer at times.
const TIMEOUT_C: Duration = Duration::from_millis(750);

impl<M: Mmio, T: Time> Crb<M, T> {
    pub(super) fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        self.prepare()?;
        self.write(CTRL_CANCEL, 0);
        self.bus.copy_in(self.buffers.command.address, command);
        self.write(CTRL_START, START);
        let done = self.wait_clear(CTRL_START, START, duration::limit(command), Wait::Execution);
        if let Err(HardwareError::TimedOut { .. }) = done {
            // What comes of it shows at the next command.
            let _ = self.cancel();
        }
        done?;
        self.check_fatal()?;
        self.read_response()
    }

    fn write(&mut self, register: u64, value: u32) {
        self.bus.write32(self.control + register, value);
    }

    fn wait_clear(
        &mut self,
        register: u64,
        bit: u32,
        limit: Duration,
        what: Wait,
    ) -> Result<(), HardwareError> {
        let (bus, at) = (&mut self.bus, self.control + register);
        wait::until(&self.time, limit, what, || {
            Ok((present(bus.read32(at))? & bit == 0).then_some(()))
        })
    }

    fn check_fatal(&mut self) -> Result<(), HardwareError> {
        let status = present(self.bus.read32(self.control + CTRL_STS))?;
        if status & STS_ERROR != 0 {
            return Err(HardwareError::Fault(Fault::Fatal));
        }
        Ok(())
    }

    /// Makes the device ready. A command that was given up, by this domain or by an earlier user,
    /// may still be running and is cancelled. Ready comes first, because some devices lose sight
    /// of their other registers while they are idle.
    pub(super) fn prepare(&mut self) -> Result<(), HardwareError> {
        match self.make_ready() {
            Ok(()) if !self.is_running()? => return Ok(()),
            Ok(()) | Err(HardwareError::TimedOut { .. }) => {}
            Err(error) => return Err(error),
        }
        self.cancel().map_err(|error| match error {
            HardwareError::TimedOut { .. } => HardwareError::Stuck,
            other => other,
        })?;
        self.make_ready()
    }

    fn is_running(&mut self) -> Result<bool, HardwareError> {
        Ok(present(self.bus.read32(self.control + CTRL_START))? & START != 0)
    }

    fn cancel(&mut self) -> Result<(), HardwareError> {
        self.write(CTRL_CANCEL, CANCEL);
        let outcome = self.wait_clear(CTRL_START, START, TIMEOUT_B, Wait::Execution);
        self.write(CTRL_CANCEL, 0);
        outcome
    }

    fn make_ready(&mut self) -> Result<(), HardwareError> {
        self.write(CTRL_REQ, CMD_READY);
        self.wait_clear(CTRL_REQ, CMD_READY, TIMEOUT_C, Wait::Ready)?;
        self.check_fatal()
    }

    /// A device that does not go idle is still usable; whether it is shows at the next command.
    pub(super) fn go_idle(&mut self) {
        self.write(CTRL_REQ, GO_IDLE);
        let _ = self.wait_clear(CTRL_REQ, GO_IDLE, TIMEOUT_C, Wait::Idle);
    }

    fn read_response(&mut self) -> Result<Vec<u8>, HardwareError> {
        let buffer = self.buffers.response;
        let mut header = [0; HEADER_BYTES];
        self.bus.copy_out(buffer.address, &mut header);
        let claimed = claimed_length(&header).unwrap_or(0);
        let bad_length = HardwareError::Fault(Fault::ResponseLength(claimed));
        let length = usize::try_from(claimed).map_err(|_| bad_length)?;
        if !(HEADER_BYTES..=buffer.bytes).contains(&length) {
            return Err(bad_length);
        }
        let mut response = vec![0; length];
        self.bus.copy_out(buffer.address, &mut response);
        if claimed_length(&response) != Some(claimed) {
            return Err(bad_length);
        }
        Ok(response)
    }
}
