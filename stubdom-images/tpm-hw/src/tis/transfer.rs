//! Bytes through the FIFO.

use super::Tis;
use super::registers::{DATA_FIFO, STS, STS_DATA, STS_EXPECT, STS_VALID};
use crate::bus::Mmio;
use crate::error::{Fault, HardwareError, Wait};
use crate::hardware::{MAX_PACKET_BYTES, claimed_length};
use crate::wait::{self, Deadline, Time};
use alloc::vec::Vec;
use tpm_wire::HEADER_BYTES;

impl<M: Mmio, T: Time> Tis<M, T> {
    /// Sends a command to a TPM that is ready. All but the last byte first: until then the TPM
    /// must expect more, after it no more (TIS 1.3, 5.5.2.2).
    pub(super) fn send(&mut self, command: &[u8], deadline: Deadline) -> Result<(), HardwareError> {
        let Some((last, mut rest)) = command.split_last() else {
            return Err(HardwareError::CommandMalformed);
        };
        while !rest.is_empty() {
            let burst = self.burst(deadline)?;
            let (now, later) = rest.split_at(burst.min(rest.len()));
            now.iter().for_each(|byte| self.bus.write8(self.page + DATA_FIFO, *byte));
            rest = later;
            if !self.expects_more(deadline)? {
                return Err(HardwareError::Fault(Fault::CommandCutShort));
            }
        }
        self.burst(deadline)?;
        self.bus.write8(self.page + DATA_FIFO, *last);
        if self.expects_more(deadline)? {
            return Err(HardwareError::Fault(Fault::CommandNotEnough));
        }
        Ok(())
    }

    /// Reads a response that has begun to be available.
    pub(super) fn receive(&mut self, deadline: Deadline) -> Result<Vec<u8>, HardwareError> {
        let mut response = Vec::new();
        self.read_whole(HEADER_BYTES, &mut response, deadline)?;
        let claimed = claimed_length(&response).unwrap_or(0);
        let bad_length = HardwareError::Fault(Fault::ResponseLength(claimed));
        let length = usize::try_from(claimed).map_err(|_| bad_length)?;
        if !(HEADER_BYTES..=MAX_PACKET_BYTES).contains(&length) {
            return Err(bad_length);
        }
        self.read_whole(length, &mut response, deadline)?;
        let limit = deadline.cut(&self.time, self.timeouts.c);
        if self.wait_status(STS_VALID, limit, Wait::Status)? & STS_DATA != 0 {
            return Err(HardwareError::Fault(Fault::LeftOver));
        }
        Ok(response)
    }

    /// Reads until `response` has `length` bytes. The last one by itself: a device whose burst
    /// count is static says only by `dataAvail` that its response ended earlier.
    fn read_whole(
        &mut self,
        length: usize,
        response: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<(), HardwareError> {
        self.read_up_to(length.saturating_sub(1), response, deadline)?;
        self.read_up_to(length, response, deadline)
    }

    fn read_up_to(
        &mut self,
        length: usize,
        response: &mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<(), HardwareError> {
        while response.len() < length {
            let limit = deadline.cut(&self.time, self.timeouts.c);
            self.wait_status(STS_VALID | STS_DATA, limit, Wait::Response)?;
            let count = self.burst(deadline)?.min(length - response.len());
            for _ in 0..count {
                response.push(self.bus.read8(self.page + DATA_FIFO));
            }
        }
        Ok(())
    }

    /// How many bytes may be moved without looking again. May change at any time; 0 means wait.
    fn burst(&mut self, deadline: Deadline) -> Result<usize, HardwareError> {
        if deadline.is_over(&self.time) {
            return Err(self.transfer_took_too_long());
        }
        let limit = deadline.cut(&self.time, self.timeouts.a.max(self.timeouts.d));
        let (bus, page, locality) = (&mut self.bus, self.page, self.locality);
        wait::until(&self.time, limit, Wait::Burst, || {
            super::status_of(bus, page, locality)?;
            let [_, low, high, _] = bus.read32(page + STS).to_le_bytes();
            let burst = usize::from(u16::from_le_bytes([low, high]));
            Ok((burst > 0).then_some(burst))
        })
    }

    fn transfer_took_too_long(&self) -> HardwareError {
        HardwareError::TimedOut { what: Wait::Transfer, after: super::exchange::TRANSFER_LIMIT }
    }

    fn expects_more(&mut self, deadline: Deadline) -> Result<bool, HardwareError> {
        let limit = deadline.cut(&self.time, self.timeouts.c);
        Ok(self.wait_status(STS_VALID, limit, Wait::Status)? & STS_EXPECT != 0)
    }
}
