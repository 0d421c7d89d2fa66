//! A mapped page that somebody outside this domain can write.
#![allow(unsafe_code, reason = "volatile access to memory that another domain can change")]

use core::ptr;
use core::sync::atomic::{Ordering, fence};
use domain_io::{OutsidePage, PAGE_BYTES, SharedPage};

/// The address of a mapped page. Every access is volatile and through a raw pointer: there is never
/// a Rust reference to the contents.
#[derive(Debug)]
pub(crate) struct RawPage {
    base: *mut u8,
}

impl RawPage {
    /// # Safety
    /// `base` must be page-aligned and stay mapped for reading and writing as long as this value
    /// lives, and no Rust object may live in that page.
    pub(crate) unsafe fn new(base: u64) -> Self {
        Self { base: ptr::with_exposed_provenance_mut::<u8>(base as usize) }
    }

    /// The address of `bytes` bytes at `offset`.
    fn at(&self, offset: usize, bytes: usize) -> Result<*mut u8, OutsidePage> {
        match offset.checked_add(bytes) {
            Some(end) if end <= PAGE_BYTES => Ok(self.base.wrapping_add(offset)),
            _ => Err(OutsidePage),
        }
    }
}

impl SharedPage for RawPage {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        let from = self.at(offset, into.len())?;
        for (index, byte) in into.iter_mut().enumerate() {
            // SAFETY: `at` checked that all of the range lies in the page, which `new` requires to
            // be mapped; bytes have no invalid values.
            *byte = unsafe { from.wrapping_add(index).read_volatile() };
        }
        fence(Ordering::Acquire);
        Ok(())
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        let into = self.at(offset, from.len())?;
        fence(Ordering::Release);
        for (index, byte) in from.iter().enumerate() {
            // SAFETY: as in `read`.
            unsafe { into.wrapping_add(index).write_volatile(*byte) };
        }
        Ok(())
    }

    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage> {
        // SAFETY: as in `read`.
        let value = unsafe { self.at(offset, 1)?.read_volatile() };
        fence(Ordering::Acquire);
        Ok(value)
    }

    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage> {
        let into = self.at(offset, 1)?;
        fence(Ordering::Release);
        // SAFETY: as in `read`.
        unsafe { into.write_volatile(value) };
        Ok(())
    }

    fn load_u32(&self, offset: usize) -> Result<u32, OutsidePage> {
        let from = self.at(offset, 4)?;
        if !offset.is_multiple_of(4) {
            let mut bytes = [0; 4];
            self.read(offset, &mut bytes)?;
            return Ok(u32::from_le_bytes(bytes));
        }
        // SAFETY: as in `read`, and the address is a multiple of four.
        let value = unsafe { from.cast::<u32>().read_volatile() };
        fence(Ordering::Acquire);
        Ok(value)
    }

    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage> {
        let into = self.at(offset, 4)?;
        if !offset.is_multiple_of(4) {
            return self.write(offset, &value.to_le_bytes());
        }
        fence(Ordering::Release);
        // SAFETY: as in `read`, and the address is a multiple of four.
        unsafe { into.cast::<u32>().write_volatile(value) };
        Ok(())
    }
}
