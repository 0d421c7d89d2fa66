//! Which memory belongs to whom: ranges, and the rights of the image's own pages.

/// Bytes in a page, as an address.
pub(crate) const PAGE: u64 = domain_io::PAGE_BYTES as u64;

/// Addresses from `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Range {
    pub(crate) const fn new(start: u64, end: u64) -> Self {
        Self { start, end }
    }

    pub(crate) const fn bytes(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    pub(crate) const fn contains(self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// The part that lies in both.
    pub(crate) fn common(self, other: Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// The whole pages inside.
    fn whole_pages(self) -> Self {
        Self::new(self.start.next_multiple_of(PAGE), self.end & !(PAGE - 1))
    }
}

/// A few ranges, without a heap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    list: [Range; 16],
    used: usize,
}

impl Ranges {
    /// Adds the whole pages of a range; empty ones, and those beyond the sixteenth, are left out,
    /// which can only make memory smaller.
    pub(crate) fn add(&mut self, range: Range) {
        let range = range.whole_pages();
        if range.bytes() > 0 && self.used < self.list.len() {
            self.list[self.used] = range;
            self.used += 1;
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Range> + '_ {
        self.list[..self.used].iter().copied()
    }

    pub(crate) fn contains(&self, address: u64) -> bool {
        self.iter().any(|range| range.contains(address))
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.iter().map(Range::bytes).sum()
    }

    /// These ranges without every page that `taken` touches.
    pub(crate) fn without(&self, taken: Range) -> Self {
        let taken = Range::new(taken.start & !(PAGE - 1), taken.end.next_multiple_of(PAGE));
        let mut rest = Self::default();
        for range in self.iter() {
            rest.add(Range::new(range.start, range.end.min(taken.start)));
            rest.add(Range::new(range.start.max(taken.end), range.end));
        }
        rest
    }
}

/// What may be done with a page; never both written and run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    None,
    Run,
    Read,
    Write,
    /// Read and write, uncached: registers of a device.
    Device,
}

impl Rights {
    /// The bits of an x86-64 page table entry, but for the address and the bit for rings above 0
    /// (Intel SDM volume 3, 4.5). Accessed and dirty are set beforehand.
    pub(crate) const fn bits(self) -> u64 {
        const PRESENT: u64 = 1 | 1 << 5;
        const WRITABLE: u64 = 1 << 1 | 1 << 6;
        const UNCACHED: u64 = 1 << 3 | 1 << 4;
        const NEVER_RUN: u64 = 1 << 63;
        match self {
            Self::None => 0,
            Self::Run => PRESENT,
            Self::Read => PRESENT | NEVER_RUN,
            Self::Write => PRESENT | WRITABLE | NEVER_RUN,
            Self::Device => PRESENT | WRITABLE | UNCACHED | NEVER_RUN,
        }
    }
}

/// Where the linker put the parts of this image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) text: Range,
    pub(crate) rodata: Range,
    /// The page below the stack.
    pub(crate) guard: Range,
    /// From the first to the last byte of the image.
    pub(crate) image: Range,
}

impl Layout {
    /// The rights of the page at `address`. Memory outside the image is data; page 0 is nothing.
    pub(crate) fn rights(&self, address: u64) -> Rights {
        if address < PAGE || self.guard.contains(address) {
            Rights::None
        } else if self.text.contains(address) {
            Rights::Run
        } else if self.rodata.contains(address) {
            Rights::Read
        } else {
            Rights::Write
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
