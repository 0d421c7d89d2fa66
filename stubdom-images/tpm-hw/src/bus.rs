//! Physical addresses of the platform, as far as they are mapped into this domain.

use alloc::vec::Vec;

/// Registers, or a buffer, mapped uncached into this domain. Each call is one access of exactly
/// that width. Offsets outside the window read as all ones and ignore writes, as addresses do that
/// nobody on the bus decodes; words are little-endian and `offset` is a multiple of four for them.
pub trait Mmio {
    /// The window's length in bytes.
    fn bytes(&self) -> u64;

    /// Reads one byte. Reading may change the device.
    fn read8(&mut self, offset: u64) -> u8;

    /// Writes one byte.
    fn write8(&mut self, offset: u64, value: u8);

    /// Reads a 32-bit word.
    fn read32(&mut self, offset: u64) -> u32;

    /// Writes a 32-bit word.
    fn write32(&mut self, offset: u64, value: u32);
}

/// One mapped range and the physical address at which it starts.
#[derive(Clone, Debug)]
pub struct Window<M> {
    /// Physical address of the window's first byte.
    pub physical: u64,
    /// Access to it.
    pub mmio: M,
}

/// Every window that this domain was given, addressed physically. An address outside all of them
/// reads as all ones.
#[derive(Clone, Debug)]
pub struct Bus<M> {
    windows: Vec<Window<M>>,
}

impl<M: Mmio> Bus<M> {
    /// The windows of this domain; where two overlap the first counts.
    #[must_use]
    pub const fn new(windows: Vec<Window<M>>) -> Self {
        Self { windows }
    }

    /// Whether one window holds all `bytes` from `address` on.
    #[must_use]
    pub fn covers(&self, address: u64, bytes: u64) -> bool {
        self.windows.iter().any(|window| offset_in(window, address, bytes).is_some())
    }

    fn find(&mut self, address: u64, bytes: u64) -> Option<(&mut M, u64)> {
        self.windows.iter_mut().find_map(|window| {
            offset_in(window, address, bytes).map(|offset| (&mut window.mmio, offset))
        })
    }

    pub(crate) fn read8(&mut self, address: u64) -> u8 {
        self.find(address, 1).map_or(u8::MAX, |(mmio, offset)| mmio.read8(offset))
    }

    pub(crate) fn write8(&mut self, address: u64, value: u8) {
        if let Some((mmio, offset)) = self.find(address, 1) {
            mmio.write8(offset, value);
        }
    }

    pub(crate) fn read32(&mut self, address: u64) -> u32 {
        self.find(address, 4).map_or(u32::MAX, |(mmio, offset)| mmio.read32(offset))
    }

    pub(crate) fn write32(&mut self, address: u64, value: u32) {
        if let Some((mmio, offset)) = self.find(address, 4) {
            mmio.write32(offset, value);
        }
    }

    /// Copies `into.len()` bytes out of a buffer, by words where they are aligned: some devices
    /// decode nothing else.
    pub(crate) fn copy_out(&mut self, address: u64, into: &mut [u8]) {
        let mut at = address;
        for chunk in into.chunks_mut(4) {
            if let ([_, _, _, _], true) = (&*chunk, at.is_multiple_of(4)) {
                chunk.copy_from_slice(&self.read32(at).to_le_bytes());
            } else {
                (at..).zip(chunk.iter_mut()).for_each(|(at, byte)| *byte = self.read8(at));
            }
            at = at.saturating_add(4);
        }
    }

    /// Copies `from` into a buffer, by words where they are aligned.
    pub(crate) fn copy_in(&mut self, address: u64, from: &[u8]) {
        let mut at = address;
        for chunk in from.chunks(4) {
            match <[u8; 4]>::try_from(chunk) {
                Ok(word) if at.is_multiple_of(4) => self.write32(at, u32::from_le_bytes(word)),
                _ => (at..).zip(chunk).for_each(|(at, byte)| self.write8(at, *byte)),
            }
            at = at.saturating_add(4);
        }
    }
}

fn offset_in<M: Mmio>(window: &Window<M>, address: u64, bytes: u64) -> Option<u64> {
    let offset = address.checked_sub(window.physical)?;
    (offset.checked_add(bytes)? <= window.mmio.bytes()).then_some(offset)
}
