//! The hardware TPM's registers and buffers, as `iomem=` gives them to this domain.

use super::fault::Fault;
use alloc::vec::Vec;
use core::ops::Range;
use tpm_hw::{Bus, Mmio, Window};
use xen_guest::DevicePage;

const PAGE_BYTES: u64 = 4096;

/// Pages that follow each other.
pub(crate) struct Registers {
    pages: Vec<DevicePage>,
}

impl Registers {
    fn map(range: &Range<u64>) -> Result<Self, Fault> {
        let numbers = range.start / PAGE_BYTES..range.end.div_ceil(PAGE_BYTES);
        let page = |number| DevicePage::map(number).map_err(|error| Fault::Page { number, error });
        Ok(Self { pages: numbers.map(page).collect::<Result<_, _>>()? })
    }

    fn place(&self, offset: u64) -> Option<(&DevicePage, u16)> {
        let page = self.pages.get(usize::try_from(offset / PAGE_BYTES).ok()?)?;
        Some((page, u16::try_from(offset % PAGE_BYTES).ok()?))
    }
}

impl Mmio for Registers {
    fn bytes(&self) -> u64 {
        self.pages.len() as u64 * PAGE_BYTES
    }

    fn read8(&mut self, offset: u64) -> u8 {
        self.place(offset).and_then(|(page, at)| page.read_u8(at)).unwrap_or(u8::MAX)
    }

    fn write8(&mut self, offset: u64, value: u8) {
        let _ = self.place(offset).and_then(|(page, at)| page.write_u8(at, value));
    }

    fn read32(&mut self, offset: u64) -> u32 {
        self.place(offset).and_then(|(page, at)| page.read_u32(at)).unwrap_or(u32::MAX)
    }

    fn write32(&mut self, offset: u64, value: u32) {
        let _ = self.place(offset).and_then(|(page, at)| page.write_u32(at, value));
    }
}

/// Maps these physical ranges, each of whole pages.
pub(crate) fn bus(ranges: &[Range<u64>]) -> Result<Bus<Registers>, Fault> {
    let window = |range: &Range<u64>| {
        let mmio = Registers::map(range)?;
        Ok(Window { physical: range.start / PAGE_BYTES * PAGE_BYTES, mmio })
    };
    Ok(Bus::new(ranges.iter().map(window).collect::<Result<_, Fault>>()?))
}
