//! The command response buffer interface of TPM 2.0 (PTP 6.5).
//!
//! Only devices that the plain interface starts (ACPI start method 7) are driven; the argument
//! parser refuses the others by name.

mod buffers;
mod exchange;
mod registers;

use crate::bus::{Bus, Mmio};
use crate::error::{HardwareError, Wait};
use crate::hardware::{HardwareTpm, check_command};
use crate::locality::{Locality, REGISTER_PAGE_BYTES, register_page};
use crate::wait::{self, Time};
use alloc::vec::Vec;
use buffers::Buffers;
use core::time::Duration;
use registers::{
    CONTROL_AREA, CONTROL_AREA_BYTES, INT_ENABLE, LOC_CTRL, LOC_STATE, RELINQUISH, REQUEST_ACCESS,
    STATE_ASSIGNED, STATE_VALID, active_locality,
};

/// For a locality to be granted (PTP, table 15: TIMEOUT_A).
const TIMEOUT_A: Duration = Duration::from_millis(750);

/// Drives a TPM 2.0 through its command and response buffers. Holds its locality only while a
/// command is under way, and leaves the device idle.
pub struct Crb<M, T> {
    bus: Bus<M>,
    /// The page with the locality registers; `None` when the device has none beside its control
    /// area.
    page: Option<u64>,
    control: u64,
    locality: Locality,
    time: T,
    buffers: Buffers,
}

impl<M: Mmio, T: Time> Crb<M, T> {
    /// Takes over a device whose locality 0 is at physical address `base`, its control area in
    /// the same page.
    ///
    /// # Errors
    /// [`HardwareError`] when the page is not mapped, nothing is there, the locality is not
    /// granted, or the buffers are not usable.
    pub fn open(
        bus: Bus<M>,
        base: u64,
        locality: Locality,
        time: T,
    ) -> Result<Self, HardwareError> {
        let page = register_page(locality, base);
        if !bus.covers(page, REGISTER_PAGE_BYTES) {
            return Err(HardwareError::NotMapped { address: page, bytes: REGISTER_PAGE_BYTES });
        }
        Self::take_over(bus, Some(page), page + CONTROL_AREA, locality, time)
    }

    /// Takes over a device of which only the control area is known, at physical address
    /// `control`, as the ACPI table TPM2 gives it. Such a device has locality 0 only.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_control_area(bus: Bus<M>, control: u64, time: T) -> Result<Self, HardwareError> {
        if !bus.covers(control, CONTROL_AREA_BYTES) {
            return Err(HardwareError::NotMapped { address: control, bytes: CONTROL_AREA_BYTES });
        }
        Self::take_over(bus, None, control, Locality::ZERO, time)
    }

    fn take_over(
        bus: Bus<M>,
        page: Option<u64>,
        control: u64,
        locality: Locality,
        time: T,
    ) -> Result<Self, HardwareError> {
        let buffers = Buffers::default();
        let mut crb = Self { bus, page, control, locality, time, buffers };
        crb.request_locality()?;
        let buffers = crb.read_buffers();
        crb.go_idle();
        crb.relinquish_locality();
        crb.buffers = buffers?;
        Ok(crb)
    }

    /// The control area may show its contents only while the device is not idle.
    fn read_buffers(&mut self) -> Result<Buffers, HardwareError> {
        self.prepare()?;
        self.bus.write32(self.control + INT_ENABLE, 0);
        Buffers::read(&mut self.bus, self.control)
    }

    fn request_locality(&mut self) -> Result<(), HardwareError> {
        let Some(page) = self.page else { return Ok(()) };
        let (bus, wanted) = (&mut self.bus, u32::from(self.locality.number()));
        bus.write32(page + LOC_CTRL, REQUEST_ACCESS);
        let granted = wait::until(&self.time, TIMEOUT_A, Wait::Registers, || {
            let state = present(bus.read32(page + LOC_STATE))?;
            let ours = state & STATE_VALID != 0
                && state & STATE_ASSIGNED != 0
                && active_locality(state) == wanted;
            Ok(ours.then_some(()))
        });
        granted.map_err(|error| {
            bus.write32(page + LOC_CTRL, RELINQUISH);
            match error {
                HardwareError::TimedOut { .. } => HardwareError::LocalityDenied(self.locality),
                other => other,
            }
        })
    }

    fn relinquish_locality(&mut self) {
        if let Some(page) = self.page {
            self.bus.write32(page + LOC_CTRL, RELINQUISH);
        }
    }
}

/// All ones are what an address reads as where no device is.
const fn present(word: u32) -> Result<u32, HardwareError> {
    if word == u32::MAX { Err(HardwareError::Absent) } else { Ok(word) }
}

impl<M: Mmio, T: Time> HardwareTpm for Crb<M, T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        check_command(command, self.buffers.command_limit())?;
        self.request_locality()?;
        let outcome = self.exchange(command);
        self.go_idle();
        self.relinquish_locality();
        outcome
    }
}
