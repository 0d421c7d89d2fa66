//! A page that another domain can write at any moment.

use core::fmt;

/// Bytes in one page on x86 (Xen public headers, `XC_PAGE_SIZE`).
pub const PAGE_BYTES: usize = 4096;

/// The asked range does not lie inside the page. The caller's own arithmetic is wrong: offsets
/// never come from the peer unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutsidePage;

impl fmt::Display for OutsidePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a range outside the shared page was asked for")
    }
}

/// One page shared with another domain, which may change any byte between any two calls.
///
/// There is no way to borrow the contents: callers copy once into private memory, check the copy
/// and act on the copy. Loads have acquire order and stores have release order towards the peer,
/// so a length and a packet written before a state byte are seen before it.
pub trait SharedPage {
    /// Copies `into.len()` bytes starting at `offset` out of the page.
    ///
    /// # Errors
    /// [`OutsidePage`] when the range does not lie inside the page; nothing was copied.
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage>;

    /// Copies `from` into the page starting at `offset`.
    ///
    /// # Errors
    /// [`OutsidePage`] when the range does not lie inside the page; nothing was written.
    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage>;

    /// Reads one byte with acquire order, in a single access.
    ///
    /// # Errors
    /// [`OutsidePage`] when `offset` is not inside the page.
    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage>;

    /// Writes one byte with release order, in a single access.
    ///
    /// # Errors
    /// [`OutsidePage`] when `offset` is not inside the page.
    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage>;

    /// Reads a little-endian 32-bit word with acquire order, in a single access when `offset` is a
    /// multiple of four.
    ///
    /// # Errors
    /// [`OutsidePage`] when the word is not inside the page.
    fn load_u32(&self, offset: usize) -> Result<u32, OutsidePage>;

    /// Writes a little-endian 32-bit word with release order, in a single access when `offset` is a
    /// multiple of four.
    ///
    /// # Errors
    /// [`OutsidePage`] when the word is not inside the page.
    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage>;
}
