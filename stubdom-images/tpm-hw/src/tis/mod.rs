//! The FIFO interface, of TPM 1.2 and 2.0 (TIS 1.21 and 1.3; PTP 6.3).

mod exchange;
mod registers;
mod timeouts;
mod transfer;

pub use timeouts::{Timeouts, TimeoutsAnswer};

use crate::bus::{Bus, Mmio};
use crate::error::{HardwareError, Wait};
use crate::hardware::{HardwareTpm, MAX_PACKET_BYTES, check_command};
use crate::locality::{Locality, REGISTER_PAGE_BYTES, register_page};
use crate::wait::{self, Time};
use alloc::vec::Vec;
use registers::{
    ACCESS, ACCESS_ACTIVE, ACCESS_REQUEST, ACCESS_VALID, INT_ENABLE, INTF_CAPABILITY, STS,
    STS_READS_ZERO, can_cancel,
};

/// Drives a TPM through its FIFO. Holds its locality only while a command is under way, so that
/// firmware can use the TPM in between.
pub struct Tis<M, T> {
    bus: Bus<M>,
    page: u64,
    locality: Locality,
    time: T,
    timeouts: Timeouts,
    can_cancel: bool,
}

impl<M: Mmio, T: Time> Tis<M, T> {
    /// Takes a device over whose locality 0 is at physical address `base`: switches its
    /// interrupts off and aborts what an earlier user left running.
    ///
    /// # Errors
    /// [`HardwareError`] when the page is not mapped, nothing is there, the locality is not
    /// granted, or the TPM is stuck.
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
        let timeouts = Timeouts::DEFAULT;
        let mut tis = Self { bus, page, locality, time, timeouts, can_cancel: false };
        tis.request_locality()?;
        let ready = tis.take_over();
        tis.relinquish_locality();
        ready.map(|()| tis)
    }

    fn take_over(&mut self) -> Result<(), HardwareError> {
        self.bus.write32(self.page + INT_ENABLE, 0);
        self.can_cancel = can_cancel(self.bus.read32(self.page + INTF_CAPABILITY));
        self.make_ready()
    }

    fn request_locality(&mut self) -> Result<(), HardwareError> {
        let limit = self.timeouts.a;
        let (bus, page) = (&mut self.bus, self.page);
        let valid = wait::until(&self.time, limit, Wait::Registers, || {
            let access = access_of(bus, page)?;
            Ok((access & ACCESS_VALID != 0).then_some(access))
        })?;
        if is_active(valid) {
            return Ok(());
        }
        bus.write8(page + ACCESS, ACCESS_REQUEST);
        let granted = wait::until(&self.time, limit, Wait::Registers, || {
            Ok(is_active(access_of(bus, page)?).then_some(()))
        });
        granted.map_err(|error| {
            bus.write8(page + ACCESS, ACCESS_ACTIVE);
            match error {
                HardwareError::TimedOut { .. } => HardwareError::LocalityDenied(self.locality),
                other => other,
            }
        })
    }

    fn relinquish_locality(&mut self) {
        self.bus.write8(self.page + ACCESS, ACCESS_ACTIVE);
    }

    fn status(&mut self) -> Result<u8, HardwareError> {
        status_of(&mut self.bus, self.page, self.locality)
    }
}

fn access_of<M: Mmio>(bus: &mut Bus<M>, page: u64) -> Result<u8, HardwareError> {
    match bus.read8(page + ACCESS) {
        u8::MAX => Err(HardwareError::Absent),
        access => Ok(access),
    }
}

const fn is_active(access: u8) -> bool {
    access & (ACCESS_VALID | ACCESS_ACTIVE) == ACCESS_VALID | ACCESS_ACTIVE
}

/// The status; 0, which says nothing, when bits are set that no device sets.
fn status_of<M: Mmio>(
    bus: &mut Bus<M>,
    page: u64,
    locality: Locality,
) -> Result<u8, HardwareError> {
    let status = bus.read8(page + STS);
    if status == u8::MAX && !is_active(access_of(bus, page)?) {
        return Err(HardwareError::LocalityLost(locality));
    }
    Ok(if status & STS_READS_ZERO == 0 { status } else { 0 })
}

impl<M: Mmio, T: Time> HardwareTpm for Tis<M, T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        check_command(command, MAX_PACKET_BYTES)?;
        self.request_locality()?;
        let outcome = self.exchange(command);
        self.end_command();
        self.relinquish_locality();
        outcome
    }

    fn adopt_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }
}
