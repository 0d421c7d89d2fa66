//! A TPM 2.0 with the CRB interface.

use super::{Executor, claimed};
use crate::bus::Mmio;
use crate::locality::REGISTER_PAGE_BYTES;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;
use domain_io::Clock;

/// How a model misbehaves. May be changed at any time.
#[derive(Clone, Debug, Default)]
pub struct CrbFaults {
    /// How long each command runs.
    pub duration: Duration,
    /// Locality requests are never granted.
    pub denies_locality: bool,
    /// Commands never end by themselves.
    pub never_ends: bool,
    /// A cancel does not end a command either.
    pub ignores_cancel: bool,
    /// `cmdReady` is never acknowledged.
    pub never_ready: bool,
    /// The error bit is set once a command has run.
    pub breaks: bool,
    /// What the response buffer holds instead of the response.
    pub answers: Option<Vec<u8>>,
    /// Every register reads as all ones.
    pub vanished: bool,
}

struct Device {
    faults: CrbFaults,
    violations: Vec<&'static str>,
    active: Option<u32>,
    idle: bool,
    broken: bool,
    cancel: u32,
    running_until: Option<Duration>,
    buffer: Vec<u8>,
    /// What the control area says: physical address and size.
    declared: (u64, u32),
    executor: Executor,
    clock: Rc<dyn Clock>,
}

/// A handle to one device; clones reach the same. As [`Mmio`] it is the page of locality 0, with
/// the buffer for commands and responses at 0x80, as QEMU's `tpm-crb` has it.
#[derive(Clone)]
pub struct CrbModel {
    device: Rc<RefCell<Device>>,
}

const BUFFER: u64 = 0x80;
const BUFFER_BYTES: u32 = 0xF80;

impl CrbModel {
    /// An idle device whose page is at `physical`.
    #[must_use]
    pub fn new(physical: u64, clock: impl Clock + 'static, executor: Executor) -> Self {
        let device = Device {
            faults: CrbFaults::default(),
            violations: Vec::new(),
            active: None,
            idle: true,
            broken: false,
            cancel: 0,
            running_until: None,
            buffer: vec![0; BUFFER_BYTES as usize],
            declared: (physical + BUFFER, BUFFER_BYTES),
            executor,
            clock: Rc::new(clock),
        };
        Self { device: Rc::new(RefCell::new(device)) }
    }

    /// Changes what the control area says about both buffers.
    pub fn declare_buffers(&self, address: u64, bytes: u32) {
        self.device.borrow_mut().declared = (address, bytes);
    }

    /// Changes how the device behaves.
    pub fn misbehave(&self, change: impl FnOnce(&mut CrbFaults)) {
        change(&mut self.device.borrow_mut().faults);
    }

    /// What the driver did against the rules so far.
    #[must_use]
    pub fn violations(&self) -> Vec<&'static str> {
        self.device.borrow().violations.clone()
    }

    /// Whether the device is idle and nobody's.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let device = self.device.borrow();
        device.idle && device.active.is_none() && device.running_until.is_none()
    }
}

impl Device {
    fn advance(&mut self) {
        let due = self.running_until.is_some_and(|until| self.clock.now() >= until);
        if due && !self.faults.never_ends {
            self.running_until = None;
            self.broken |= self.faults.breaks;
        }
    }

    fn read(&self, register: u64) -> u32 {
        let [low, high] = halves(self.declared.0);
        match register {
            0x00 => 0x80 | self.active.map_or(0, |locality| 0x02 | locality << 2),
            0x30 => 0x1,
            0x34 => 0x1014,
            // The control area hides while the device is idle, as some do.
            0x58..0x80 if self.idle => u32::MAX,
            0x40 => u32::from(self.faults.never_ready),
            0x44 => u32::from(self.broken) | u32::from(self.idle) << 1,
            0x48 => self.cancel,
            0x4C => u32::from(self.running_until.is_some()),
            0x58 | 0x64 => self.declared.1,
            0x5C | 0x68 => low,
            0x60 | 0x6C => high,
            0x08 | 0x0C | 0x38 | 0x3C | 0x50 | 0x54 => 0,
            _ => u32::MAX,
        }
    }

    fn write(&mut self, register: u64, value: u32) {
        match (register, value) {
            (0x08, 1) if self.faults.denies_locality => {}
            (0x08, 1) => self.active = Some(0),
            (0x08, 2) => self.active = None,
            _ if self.active.is_none() => self.violations.push("a write without the locality"),
            (0x40, 1) => self.idle &= self.faults.never_ready,
            (0x40, 2) => self.idle = true,
            (0x48, _) => self.set_cancel(value),
            (0x4C, 1) => self.start(),
            (0x50, 0) => {}
            _ => self.violations.push("a register was written that is not there"),
        }
    }

    fn set_cancel(&mut self, value: u32) {
        self.cancel = value;
        if value == 1 && !self.faults.ignores_cancel {
            self.running_until = None;
        }
    }

    fn start(&mut self) {
        if self.idle || self.running_until.is_some() || self.cancel != 0 {
            self.violations.push("start in the wrong state");
        }
        let length = claimed(&self.buffer).unwrap_or(0).min(self.buffer.len());
        let response = (self.executor)(&self.buffer[..length]);
        let response = self.faults.answers.clone().unwrap_or(response);
        self.buffer.fill(0xEE);
        let kept = response.len().min(self.buffer.len());
        self.buffer[..kept].copy_from_slice(&response[..kept]);
        self.running_until = Some(self.clock.now() + self.faults.duration);
    }

    fn in_buffer(&mut self, offset: u64) -> Option<&mut u8> {
        let at = usize::try_from(offset.checked_sub(BUFFER)?).ok()?;
        if self.idle || self.running_until.is_some() {
            self.violations.push("buffer used while idle or running");
        }
        self.buffer.get_mut(at)
    }
}

fn halves(address: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = address.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}

impl Mmio for CrbModel {
    fn bytes(&self) -> u64 {
        REGISTER_PAGE_BYTES
    }

    fn read8(&mut self, offset: u64) -> u8 {
        let word = self.read32(offset & !3).to_le_bytes();
        word[usize::try_from(offset & 3).unwrap_or_default()]
    }

    fn write8(&mut self, offset: u64, value: u8) {
        let mut device = self.device.borrow_mut();
        match device.in_buffer(offset) {
            Some(byte) => *byte = value,
            None => device.violations.push("a byte was written to a register"),
        }
    }

    fn read32(&mut self, offset: u64) -> u32 {
        let mut device = self.device.borrow_mut();
        if device.faults.vanished {
            return u32::MAX;
        }
        device.advance();
        if offset < BUFFER {
            return device.read(offset);
        }
        let byte = |at| device.in_buffer(offset + at).map_or(u8::MAX, |byte| *byte);
        u32::from_le_bytes([0, 1, 2, 3].map(byte))
    }

    fn write32(&mut self, offset: u64, value: u32) {
        let mut device = self.device.borrow_mut();
        if device.faults.vanished {
            return;
        }
        device.advance();
        if offset < BUFFER {
            device.write(offset, value);
            return;
        }
        for (at, byte) in (offset..).zip(value.to_le_bytes()) {
            if let Some(place) = device.in_buffer(at) {
                *place = byte;
            }
        }
    }
}
