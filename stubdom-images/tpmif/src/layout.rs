//! Where things stand in the page (Xen public/io/tpmif.h, `struct tpmif_shared_page`).

use domain_io::PAGE_BYTES;

/// Length of the command or response in bytes: little-endian `u32`, written by both ends.
pub(crate) const LENGTH: usize = 0;
/// [`PageState`](crate::PageState): one byte, written by both ends.
pub(crate) const STATE: usize = 4;
/// The locality the frontend claims: one byte, written by the frontend.
pub(crate) const LOCALITY: usize = 5;
/// How many further grant references follow: one byte, written by the frontend.
pub(crate) const EXTRA_PAGES: usize = 7;

/// Where the header ends. The comment in the public header says 16; its struct is 8 bytes long,
/// and both Linux and mini-os go by the struct.
const HEADER_BYTES: usize = 8;

/// The largest command or response: a page without the header, 4088 bytes.
pub const LARGEST_MESSAGE: usize = PAGE_BYTES - HEADER_BYTES;

/// The smallest command or response: a TPM header of tag, size and code, 10 bytes (TPM 2.0 Library
/// Part 1, "Command/Response Structure"; the same in TPM 1.2).
pub const SMALLEST_MESSAGE: usize = 10;

/// Where the message starts when the frontend announces `extra_pages` further grant references of
/// four bytes each. Nobody implements the extra pages; everybody skips their references.
#[must_use]
pub const fn data_offset(extra_pages: u8) -> usize {
    HEADER_BYTES + 4 * extra_pages as usize
}

/// How many bytes of message fit behind `extra_pages` grant references: 4088 down to 3068.
#[must_use]
pub const fn room(extra_pages: u8) -> usize {
    PAGE_BYTES - data_offset(extra_pages)
}
