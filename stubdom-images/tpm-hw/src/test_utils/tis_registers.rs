//! The register file in front of [`TisModel`](super::TisModel).

use super::TisModel;
use super::tis::{Device, State};
use crate::bus::Mmio;
use crate::locality::REGISTER_PAGE_BYTES;

impl Device {
    /// With or without a request of another locality (`pendingRequest`, 0x04).
    fn access(&mut self, locality: u8) -> u8 {
        let shown = if self.active == Some(locality) { 0xA1 } else { 0x81 };
        shown | self.some_of(0x04)
    }

    fn write_access(&mut self, locality: u8, value: u8) {
        if value & 0x02 != 0 && self.active.is_none() && !self.faults.denies_locality {
            self.active = Some(locality);
        }
        if value & 0x20 != 0 && self.active == Some(locality) {
            self.release();
        }
    }

    /// `dataAvail` and `expect` (0x18) say nothing while `stsValid` is not set, which it need not be at
    /// once (TIS 1.3, 5.5.2.2).
    fn status(&mut self) -> u8 {
        let self_tested = if self.faults.self_tested { 0x04 } else { 0 };
        let valid = self.valid_status();
        if valid == 0 || self.some_of(0x01) != 0 {
            return valid & 0x40 | self.some_of(0x18) | self_tested;
        }
        valid | self_tested
    }

    fn valid_status(&self) -> u8 {
        match self.state {
            State::Idle => 0x80,
            State::Ready => 0xC0,
            State::Reception if self.expects_more() => 0x88,
            State::Reception => 0x80,
            State::Execution { .. } => 0x00,
            State::Completion if self.has_data() => 0x90,
            State::Completion => 0x80,
        }
    }

    fn write_status(&mut self, value: u8) {
        match value {
            0x40 => self.command_ready(),
            0x20 => self.go(),
            0x02 => self.retry_response(),
            _ => self.violations.push("status written with something else than one known bit"),
        }
    }

    fn read8(&mut self, locality: u8, register: u64) -> u8 {
        if self.faults.vanished {
            return u8::MAX;
        }
        self.advance();
        let active = self.active == Some(locality);
        match register {
            0x00 => self.access(locality),
            0x18 if active => self.status(),
            0x24 if active => self.give_byte(),
            _ => u8::MAX,
        }
    }

    fn read32(&mut self, locality: u8, register: u64) -> u32 {
        if self.faults.vanished {
            return u32::MAX;
        }
        self.advance();
        let active = self.active == Some(locality);
        match register {
            0x08 if active => self.interrupts,
            0x14 => self.interface_version << 28 | 0x697,
            // The family of a TPM 2.0 in bits 26 and 27.
            0x18 if active => {
                let family = if self.interface_version == 3 { 1 << 26 } else { 0 };
                u32::from(self.status()) | u32::from(self.new_burst()) << 8 | family
            }
            0x30 => self.interface_id,
            0xF00 => 0x0001_1014,
            _ => u32::MAX,
        }
    }

    fn write8(&mut self, locality: u8, register: u64, value: u8) {
        self.advance();
        let active = self.active == Some(locality);
        match register {
            0x00 => self.write_access(locality, value),
            _ if !active || self.faults.vanished => {}
            0x18 => self.write_status(value),
            0x1B if self.interface_version == 3 => {}
            0x24 => self.take_byte(value),
            _ => self.violations.push("a register was written that is not there"),
        }
    }
}

fn place(offset: u64) -> (u8, u64) {
    let locality = u8::try_from(offset / REGISTER_PAGE_BYTES).unwrap_or(u8::MAX);
    (locality, offset % REGISTER_PAGE_BYTES)
}

impl Mmio for TisModel {
    fn bytes(&self) -> u64 {
        5 * REGISTER_PAGE_BYTES
    }

    fn read8(&mut self, offset: u64) -> u8 {
        let (locality, register) = place(offset);
        self.device.borrow_mut().read8(locality, register)
    }

    fn write8(&mut self, offset: u64, value: u8) {
        let (locality, register) = place(offset);
        self.device.borrow_mut().write8(locality, register, value);
    }

    fn read32(&mut self, offset: u64) -> u32 {
        let (locality, register) = place(offset);
        self.device.borrow_mut().read32(locality, register)
    }

    fn write32(&mut self, offset: u64, value: u32) {
        let (locality, register) = place(offset);
        let mut device = self.device.borrow_mut();
        if register == 0x08 && device.active == Some(locality) {
            device.interrupts = value;
        } else if !device.faults.vanished {
            device.violations.push("a word was written where there is no word register");
        }
    }
}
