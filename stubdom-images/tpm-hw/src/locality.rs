//! Where the registers of a locality are.

pub use tpm_wire::Locality;

/// Bytes of the register page that each locality has of its own (TIS 1.3, 5.2; PTP 6.1).
pub const REGISTER_PAGE_BYTES: u64 = 0x1000;

/// Where this locality's register page is when locality 0's is at `base`.
pub(crate) const fn register_page(locality: Locality, base: u64) -> u64 {
    base.saturating_add(REGISTER_PAGE_BYTES * locality.number() as u64)
}
