//! Devices that lie.

use crate::bus::Mmio;
use alloc::vec::Vec;

/// A device whose every read is the next number of a script, round and round.
#[derive(Clone, Debug)]
pub struct Liar {
    script: Vec<u32>,
    at: usize,
    bytes: u64,
}

impl Liar {
    /// A window of `bytes` that says `script`.
    #[must_use]
    pub const fn new(script: Vec<u32>, bytes: u64) -> Self {
        Self { script, at: 0, bytes }
    }
}

fn next(script: &[u32], at: &mut usize) -> u32 {
    let value = script.get(*at % script.len().max(1)).copied().unwrap_or(0);
    *at = at.wrapping_add(1);
    value
}

impl Mmio for Liar {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read8(&mut self, _offset: u64) -> u8 {
        let [byte, ..] = self.read32(0).to_le_bytes();
        byte
    }

    fn write8(&mut self, _offset: u64, _value: u8) {}

    fn read32(&mut self, _offset: u64) -> u32 {
        next(&self.script, &mut self.at)
    }

    fn write32(&mut self, _offset: u64, _value: u32) {}
}

/// A device with a bad line: what is read from it is changed by exclusive or with the next number
/// of a script, round and round.
#[derive(Clone, Debug)]
pub struct Flaky<M> {
    inner: M,
    script: Vec<u32>,
    at: usize,
}

impl<M> Flaky<M> {
    /// `inner` behind a line that flips the bits of `script`.
    #[must_use]
    pub const fn new(inner: M, script: Vec<u32>) -> Self {
        Self { inner, script, at: 0 }
    }

    fn flips(&mut self) -> u32 {
        next(&self.script, &mut self.at)
    }
}

impl<M: Mmio> Mmio for Flaky<M> {
    fn bytes(&self) -> u64 {
        self.inner.bytes()
    }

    fn read8(&mut self, offset: u64) -> u8 {
        let [flips, ..] = self.flips().to_le_bytes();
        self.inner.read8(offset) ^ flips
    }

    fn write8(&mut self, offset: u64, value: u8) {
        self.inner.write8(offset, value);
    }

    fn read32(&mut self, offset: u64) -> u32 {
        self.inner.read32(offset) ^ self.flips()
    }

    fn write32(&mut self, offset: u64, value: u32) {
        self.inner.write32(offset, value);
    }
}
