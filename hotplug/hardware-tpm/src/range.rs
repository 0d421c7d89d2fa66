//! Physical addresses.

use std::fmt;

/// Xen gives memory to domains by pages of this many bytes.
const PAGE_BYTES: u64 = 4096;

/// Physical addresses from `start` up to and without `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first address.
    pub start: u64,
    /// The address after the last one.
    pub end: u64,
}

impl Range {
    /// From `START-LAST` in hexadecimal, with or without `0x`, as Linux prints resources.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (start, last) = text.trim().split_once('-')?;
        let number = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
        let (start, end) = (number(start)?, number(last)?.checked_add(1)?);
        (start < end && end <= 1 << 52).then_some(Self { start, end })
    }

    /// The page that holds an address.
    pub(crate) const fn page_of(address: u64) -> Self {
        let start = address / PAGE_BYTES * PAGE_BYTES;
        Self { start, end: start.saturating_add(PAGE_BYTES) }
    }

    /// Whole pages that hold this range.
    const fn to_pages(self) -> Self {
        let end = self.end.div_ceil(PAGE_BYTES).saturating_mul(PAGE_BYTES);
        Self { start: self.start / PAGE_BYTES * PAGE_BYTES, end }
    }

    /// Whether an address is in it.
    #[must_use]
    pub const fn holds(self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// The number of its first page.
    pub(crate) const fn first_page(self) -> u64 {
        self.start / PAGE_BYTES
    }

    /// How many pages it has.
    pub(crate) const fn pages(self) -> u64 {
        (self.end - self.start) / PAGE_BYTES
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.end - self.start
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}-{:#x}", self.start, self.end - 1)
    }
}

/// Whole pages in order, those that touch or overlap joined.
pub(crate) fn joined(ranges: impl IntoIterator<Item = Range>) -> Vec<Range> {
    let mut pages: Vec<_> = ranges.into_iter().map(Range::to_pages).collect();
    pages.sort();
    let mut joined: Vec<Range> = Vec::new();
    for range in pages {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_become_whole_pages_and_neighbours_are_joined() {
        let ranges = ["bd50f000-bd512fff", "0xbd513040-0xbd51307f", "fed40000-fed40fff"];
        let joined = joined(ranges.map(|text| Range::parse(text).unwrap()));
        let expected = [
            Range { start: 0xbd50_f000, end: 0xbd51_4000 },
            Range { start: 0xfed4_0000, end: 0xfed4_1000 },
        ];
        assert_eq!(joined, expected);
    }

    #[test]
    fn what_is_no_range_is_none() {
        for text in ["", "1000", "2000-1000", "0-ffffffffffffffff", "x-y"] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
