//! Where everything stands. All numbers are part of the format.

use domain_io::SECTOR_BYTES;

/// The version of the format that this crate writes.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes in one page, the unit of the store.
pub const PAGE_BYTES: usize = 4096;

/// Sectors in one page.
pub(super) const PAGE_SECTORS: u64 = (PAGE_BYTES / SECTOR_BYTES) as u64;

/// The two copies of the header, one sector each.
pub(super) const HEADER_PAGES: [u32; 2] = [0, 1];

/// The two copies of the sealed secret, two pages each.
pub(super) const SEALED_PAGES: [u32; 2] = [2, 4];

/// Bytes of one copy of the sealed secret.
pub(super) const SEALED_BYTES: usize = 2 * PAGE_BYTES;

/// The largest sealed secret in bytes.
pub const LARGEST_SEALED_BYTES: usize = SEALED_BYTES - super::sealed::HEAD_BYTES;

/// The two roots.
pub(super) const ROOT_PAGES: [u32; 2] = [6, 7];

/// The first page of the tree; all pages before it have a fixed use.
pub(super) const FIRST_PAGE: u32 = 8;

/// Free pages that new records leave alone, so that what exists can still be saved: a commit that
/// changes up to this many existing leaves and branches always finds room.
pub const RESERVED_PAGES: u32 = 32;

/// The smallest disk that is accepted, in sectors (256 KiB).
pub const LEAST_SECTORS: u64 = 64 * PAGE_SECTORS;

/// The largest part of a disk that is used, in pages (1 GiB, far more than the tree can name).
pub(super) const MOST_PAGES: u32 = 1 << 18;

/// The first sector of a page.
pub(super) const fn sector_of(page: u32) -> u64 {
    page as u64 * PAGE_SECTORS
}

/// How many pages of a disk the store can use.
pub(super) fn usable_pages(sectors: u64) -> u32 {
    u32::try_from(sectors / PAGE_SECTORS).unwrap_or(MOST_PAGES).min(MOST_PAGES)
}
