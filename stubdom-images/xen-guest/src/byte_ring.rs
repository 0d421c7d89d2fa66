//! Rings of bytes in a shared page, as the console and xenstore use them: free-running 32-bit
//! indices, a size that is a power of two, one producer, one consumer.

use domain_io::SharedPage;

/// Where a ring lies in its page, in bytes from the page's start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) buffer: usize,
    /// A power of two.
    pub(crate) bytes: u32,
    pub(crate) consumer: usize,
    pub(crate) producer: usize,
}

/// The other side moved an index to where it cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadIndex;

/// Bytes in a ring; the indices are claims of whoever writes them.
const fn filled(producer: u32, consumer: u32, size: u32) -> Result<u32, BadIndex> {
    let filled = producer.wrapping_sub(consumer);
    if filled <= size { Ok(filled) } else { Err(BadIndex) }
}

impl Place {
    /// The offset in the page of an index, and how many bytes follow before the buffer ends.
    const fn spot(&self, index: u32) -> (usize, usize) {
        let at = (index & (self.bytes - 1)) as usize;
        (self.buffer + at, self.bytes as usize - at)
    }

    /// As many bytes of `from` as fit, put in for the other side. Returns how many.
    ///
    /// # Errors
    /// [`BadIndex`] when the consumer's index is impossible; nothing was written then.
    pub(crate) fn put(&self, page: &impl SharedPage, from: &[u8]) -> Result<usize, BadIndex> {
        let producer = load(page, self.producer)?;
        let free = self.bytes - filled(producer, load(page, self.consumer)?, self.bytes)?;
        let count = from.len().min(free as usize);
        let (at, before_end) = self.spot(producer);
        let (first, rest) = from[..count].split_at(count.min(before_end));
        page.write(at, first).map_err(|_| BadIndex)?;
        page.write(self.buffer, rest).map_err(|_| BadIndex)?;
        store(page, self.producer, producer, count)?;
        Ok(count)
    }

    /// As many bytes as there are and fit, taken from the other side. Returns how many.
    ///
    /// # Errors
    /// [`BadIndex`] when the producer's index is impossible; nothing was taken then.
    pub(crate) fn take(&self, page: &impl SharedPage, into: &mut [u8]) -> Result<usize, BadIndex> {
        let consumer = load(page, self.consumer)?;
        let ready = filled(load(page, self.producer)?, consumer, self.bytes)?;
        let count = into.len().min(ready as usize);
        let (at, before_end) = self.spot(consumer);
        let (first, rest) = into[..count].split_at_mut(count.min(before_end));
        page.read(at, first).map_err(|_| BadIndex)?;
        page.read(self.buffer, rest).map_err(|_| BadIndex)?;
        store(page, self.consumer, consumer, count)?;
        Ok(count)
    }

    /// Whether the consumer has taken everything.
    pub(crate) fn is_empty(&self, page: &impl SharedPage) -> bool {
        matches!((load(page, self.producer), load(page, self.consumer)), (Ok(a), Ok(b)) if a == b)
    }
}

fn load(page: &impl SharedPage, offset: usize) -> Result<u32, BadIndex> {
    page.load_u32(offset).map_err(|_| BadIndex)
}

/// Moves an index of ours forward by `count`, at most a ring's size.
fn store(page: &impl SharedPage, offset: usize, index: u32, count: usize) -> Result<(), BadIndex> {
    let count = u32::try_from(count).map_err(|_| BadIndex)?;
    page.store_u32(offset, index.wrapping_add(count)).map_err(|_| BadIndex)
}

#[cfg(test)]
#[path = "byte_ring_tests.rs"]
mod tests;
