//! One command, from ready to ready.

use super::Tis;
use super::registers::{
    STS, STS_DATA, STS_GO, STS_HIGH, STS_HIGH_CANCEL, STS_READY, STS_RESPONSE_RETRY, STS_VALID,
};
use crate::bus::Mmio;
use crate::duration;
use crate::error::{Fault, HardwareError, Wait};
use crate::wait::{self, Deadline, Time};
use alloc::vec::Vec;
use core::time::Duration;

/// Of `stsValid`, `commandReady` and `dataAvail`: a response is there.
const DONE: u8 = STS_VALID | STS_DATA;
/// The same: the TPM waits for another command and has nothing to say about this one.
const DROPPED: u8 = STS_VALID | STS_READY;

/// How often a command is sent, or a response read, before a fault in its transfer is an error.
const ATTEMPTS: usize = 3;

/// For one direction of a transfer, all attempts together. A FIFO on the slowest bus moves 4096
/// bytes in a fraction of a second.
pub(super) const TRANSFER_LIMIT: Duration = Duration::from_secs(10);

impl<M: Mmio, T: Time> Tis<M, T> {
    pub(super) fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        self.send_repeatedly(command)?;
        self.write_status(STS_GO);
        if let Err(error) = self.wait_for_end(duration::limit(command)) {
            self.abort();
            return Err(error);
        }
        self.receive_repeatedly()
    }

    pub(super) fn write_status(&mut self, value: u8) {
        self.bus.write8(self.page + STS, value);
    }

    /// Waits until all bits of `wanted` are set.
    pub(super) fn wait_status(
        &mut self,
        wanted: u8,
        limit: Duration,
        what: Wait,
    ) -> Result<u8, HardwareError> {
        let Self { bus, page, locality, time, .. } = self;
        wait::until(time, limit, what, || {
            let status = super::status_of(bus, *page, *locality)?;
            Ok((status & wanted == wanted).then_some(status))
        })
    }

    /// Brings the TPM to ready, whatever it was doing: by an abort, by a cancel, and by letting
    /// go of the locality.
    pub(super) fn make_ready(&mut self) -> Result<(), HardwareError> {
        if self.status()? & STS_READY != 0 {
            return Ok(());
        }
        let limit = self.timeouts.b;
        for last_resort in [false, true] {
            if last_resort {
                self.cancel();
                self.relinquish_locality();
                self.request_locality()?;
            }
            self.write_status(STS_READY);
            match self.wait_status(STS_READY, limit, Wait::Ready) {
                Err(HardwareError::TimedOut { .. }) => {}
                other => return other.map(|_| ()),
            }
        }
        Err(HardwareError::Stuck)
    }

    fn cancel(&mut self) {
        if self.can_cancel {
            self.bus.write8(self.page + STS_HIGH, STS_HIGH_CANCEL);
        }
    }

    /// Ends a command that nobody waits for any more. What comes of it shows at the next command.
    fn abort(&mut self) {
        self.cancel();
        self.write_status(STS_READY);
        let _ = self.wait_status(STS_READY, self.timeouts.b, Wait::Ready);
    }

    /// Frees the response buffer, or drops what is left of a failed command.
    pub(super) fn end_command(&mut self) {
        self.write_status(STS_READY);
    }

    fn send_repeatedly(&mut self, command: &[u8]) -> Result<(), HardwareError> {
        let deadline = Deadline::after(&self.time, TRANSFER_LIMIT);
        let mut outcome = Ok(());
        for _ in 0..ATTEMPTS {
            self.make_ready()?;
            outcome = self.send(command, deadline);
            match outcome {
                Err(HardwareError::Fault(_) | HardwareError::TimedOut { .. }) => self.end_command(),
                _ => return outcome,
            }
            if deadline.is_over(&self.time) {
                break;
            }
        }
        outcome
    }

    fn wait_for_end(&mut self, limit: Duration) -> Result<(), HardwareError> {
        let Self { bus, page, locality, time, .. } = self;
        wait::until(time, limit, Wait::Execution, || {
            let status = super::status_of(bus, *page, *locality)?;
            // Other bits may be set as well, stsSelfTestDone among them.
            match status & (STS_VALID | STS_READY | STS_DATA) {
                DROPPED => Err(HardwareError::Fault(Fault::Aborted)),
                seen => Ok((seen & DONE == DONE).then_some(())),
            }
        })
    }

    fn receive_repeatedly(&mut self) -> Result<Vec<u8>, HardwareError> {
        let deadline = Deadline::after(&self.time, TRANSFER_LIMIT);
        let mut outcome = self.receive(deadline);
        for _ in 1..ATTEMPTS {
            match outcome {
                Err(HardwareError::Fault(_) | HardwareError::TimedOut { .. })
                    if !deadline.is_over(&self.time) =>
                {
                    self.write_status(STS_RESPONSE_RETRY);
                    outcome = self.receive(deadline);
                }
                _ => break,
            }
        }
        outcome
    }
}
