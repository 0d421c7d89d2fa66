//! The ring between a disk's two ends (Xen public/io/blkif.h and io/ring.h, ABI of x86-64).

use domain_io::{GrantRef, OutsidePage, SharedPage};

/// Entries of a ring of one page: the largest power of two that fits.
pub(crate) const ENTRIES: u32 = 32;
/// Most pages of data in one request (`BLKIF_MAX_SEGMENTS_PER_REQUEST`).
pub(crate) const MOST_SEGMENTS: usize = 11;
/// Sectors in a page of data.
pub(crate) const SECTORS_PER_PAGE: usize = 8;

const REQUEST_PRODUCER: usize = 0;
const REQUEST_EVENT: usize = 4;
const RESPONSE_PRODUCER: usize = 8;
const RESPONSE_EVENT: usize = 12;
const FIRST_ENTRY: usize = 64;
const REQUEST_BYTES: usize = 112;
const RESPONSE_BYTES: usize = 12;

/// What a request asks for (`BLKIF_OP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Operation {
    Read = 0,
    Write = 1,
    Flush = 3,
}

/// One request; its data lies in whole sectors from the start of each page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) operation: Operation,
    /// The virtual device number.
    pub(crate) handle: u16,
    pub(crate) id: u64,
    pub(crate) sector: u64,
    /// Sectors in all; 0 for a flush.
    pub(crate) sectors: usize,
    /// At least as many pages as the sectors need.
    pub(crate) pages: &'a [GrantRef],
}

impl Request<'_> {
    /// The bytes of a ring entry; `None` when the sectors do not fit the pages or one request.
    pub(crate) fn encode(&self) -> Option<[u8; REQUEST_BYTES]> {
        let segments = self.sectors.div_ceil(SECTORS_PER_PAGE);
        if segments > MOST_SEGMENTS || segments > self.pages.len() {
            return None;
        }
        let mut bytes = [0; REQUEST_BYTES];
        bytes[0] = self.operation as u8;
        bytes[1] = u8::try_from(segments).ok()?;
        bytes[2..4].copy_from_slice(&self.handle.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sector.to_le_bytes());
        let entries = bytes[24..].chunks_exact_mut(8).zip(self.pages).take(segments);
        for (index, (entry, page)) in entries.enumerate() {
            let rest = self.sectors - index * SECTORS_PER_PAGE;
            entry[..4].copy_from_slice(&page.0.to_le_bytes());
            entry[4] = 0;
            entry[5] = u8::try_from(rest.min(SECTORS_PER_PAGE) - 1).ok()?;
        }
        Some(bytes)
    }
}

/// A backend's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) id: u64,
    /// `BLKIF_RSP_*`: 0 is success, -2 unsupported, anything else a failure.
    pub(crate) status: i16,
}

/// Makes a zeroed page a ring without entries.
pub(crate) fn start_ring(page: &impl SharedPage) -> Result<(), OutsidePage> {
    page.store_u32(REQUEST_EVENT, 1)?;
    page.store_u32(RESPONSE_EVENT, 1)
}

/// Puts a request into entry `index`, shows it to the backend and asks for an event with the answer.
pub(crate) fn put(
    page: &impl SharedPage,
    index: u32,
    request: &[u8; REQUEST_BYTES],
) -> Result<(), OutsidePage> {
    page.write(entry(index), request)?;
    page.store_u32(RESPONSE_EVENT, index.wrapping_add(1))?;
    page.store_u32(REQUEST_PRODUCER, index.wrapping_add(1))
}

/// How many answers the backend says there are beyond `taken`.
pub(crate) fn answers(page: &impl SharedPage, taken: u32) -> Result<u32, OutsidePage> {
    Ok(page.load_u32(RESPONSE_PRODUCER)?.wrapping_sub(taken))
}

/// Copies the answer out of entry `index`.
pub(crate) fn response(page: &impl SharedPage, index: u32) -> Result<Response, OutsidePage> {
    let mut bytes = [0; RESPONSE_BYTES];
    page.read(entry(index), &mut bytes)?;
    let [id @ .., _operation, _padding, low, high] = bytes;
    Ok(Response { id: u64::from_le_bytes(id), status: i16::from_le_bytes([low, high]) })
}

const fn entry(index: u32) -> usize {
    FIRST_ENTRY + (index % ENTRIES) as usize * REQUEST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_bytes_of_the_header_file() {
        let pages = [GrantRef(0x0102), GrantRef(9)];
        let request = Request {
            operation: Operation::Write,
            handle: 768,
            id: 5,
            sector: 0x1_0000_0001,
            sectors: 11,
            pages: &pages,
        };
        let bytes = request.encode().unwrap();
        assert_eq!(bytes[..4], [1, 2, 0, 3]);
        assert_eq!(bytes[8..24], [5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(bytes[24..40], [2, 1, 0, 0, 0, 7, 0, 0, 9, 0, 0, 0, 0, 2, 0, 0]);
        assert!(bytes[40..].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn more_than_a_request_can_carry_is_refused() {
        let pages = [GrantRef(1); 12];
        let request = Request {
            operation: Operation::Read,
            handle: 0,
            id: 0,
            sector: 0,
            sectors: 88,
            pages: &pages,
        };
        assert!(request.encode().is_some());
        assert!(Request { sectors: 89, ..request }.encode().is_none());
        assert!(Request { sectors: 9, pages: &pages[..1], ..request }.encode().is_none());
    }

    #[test]
    fn the_last_entry_lies_inside_the_page() {
        assert!(entry(ENTRIES - 1) + REQUEST_BYTES <= domain_io::PAGE_BYTES);
        assert_eq!(entry(ENTRIES), entry(0));
    }
}
