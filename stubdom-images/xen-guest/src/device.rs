//! Registers of a device that the configuration passes through (`iomem=` of xl.cfg).
#![allow(unsafe_code, reason = "registers at physical addresses")]

use crate::memory::{PAGE, Rights};
use crate::paging::{self, DEVICE_PAGES};
use core::fmt;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};

/// Why a device's page could not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// All sixteen pages are taken.
    Exhausted,
    /// Xen refused it, with this errno: the page is not in the domain's `iomem=`.
    Refused(i32),
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted => f.write_str("no address is left for another device page"),
            Self::Refused(errno) => {
                write!(f, "Xen refused the device's page (errno {errno}): is it in iomem=?")
            }
        }
    }
}

/// One page of device registers, uncached, mapped for the life of the domain.
#[derive(Debug)]
pub struct DevicePage {
    base: u64,
}

impl DevicePage {
    /// Maps the page with this number (machine address divided by 4096, as in `iomem=`).
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn map(number: u64) -> Result<Self, DeviceError> {
        static NEXT: AtomicU64 = AtomicU64::new(DEVICE_PAGES.start);
        let base = NEXT.load(Ordering::Relaxed);
        if base >= DEVICE_PAGES.end {
            return Err(DeviceError::Exhausted);
        }
        // SAFETY: each page of the device area is handed out once.
        unsafe { paging::map(base, number, Rights::Device) }.map_err(DeviceError::Refused)?;
        NEXT.store(base + PAGE, Ordering::Relaxed);
        Ok(Self { base })
    }

    /// Reads an 8-bit register; `None` outside of the page.
    #[must_use]
    pub fn read_u8(&self, offset: u16) -> Option<u8> {
        // SAFETY: `place` lies in the mapped page; a register has no invalid values.
        self.place(offset, 1)
            .map(|at| unsafe { ptr::with_exposed_provenance::<u8>(at).read_volatile() })
    }

    /// Reads a 32-bit register; `None` outside of the page or when not aligned.
    #[must_use]
    pub fn read_u32(&self, offset: u16) -> Option<u32> {
        // SAFETY: as in `read_u8`, and aligned.
        self.place(offset, 4)
            .map(|at| unsafe { ptr::with_exposed_provenance::<u32>(at).read_volatile() })
    }

    /// Writes an 8-bit register; `None` outside of the page.
    pub fn write_u8(&self, offset: u16, value: u8) -> Option<()> {
        let at = ptr::with_exposed_provenance_mut::<u8>(self.place(offset, 1)?);
        // SAFETY: as in `read_u8`; a device cannot reach memory that was not granted to it by Xen.
        unsafe { at.write_volatile(value) };
        Some(())
    }

    /// Writes a 32-bit register; `None` outside of the page or when not aligned.
    pub fn write_u32(&self, offset: u16, value: u32) -> Option<()> {
        let at = ptr::with_exposed_provenance_mut::<u32>(self.place(offset, 4)?);
        // SAFETY: as in `write_u8`, and aligned.
        unsafe { at.write_volatile(value) };
        Some(())
    }

    fn place(&self, offset: u16, bytes: u64) -> Option<usize> {
        let offset = u64::from(offset);
        let inside = offset + bytes <= PAGE && offset.is_multiple_of(bytes);
        inside.then_some((self.base + offset) as usize)
    }
}
