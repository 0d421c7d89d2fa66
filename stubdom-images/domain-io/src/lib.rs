//! What code inside a domain may ask of the domain it runs in: pages, events, xenstore, disks,
//! time, entropy.
//!
//! Frontend, backend, engine and manager are written against these traits only, so that the whole
//! path of a command runs inside one ordinary process in tests. The guest runtime implements them
//! with hypercalls; feature `test-utils` brings doubles that live in memory.
//!
//! Nothing here promises honesty of the other side: whatever is read from a page or from xenstore
//! is a claim.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod announce;
mod disk;
mod host;
mod page;
mod sharing;
mod store;
#[cfg(feature = "test-utils")]
pub mod test_utils;

pub use disk::{BlockDevice, BlockError, SECTOR_BYTES};
pub use host::{Clock, Entropy, NoEntropy, Pause};
pub use page::{OutsidePage, PAGE_BYTES, SharedPage};
pub use sharing::{DomainId, EventPort, GrantRef, PortNumber, Sharing, SharingError};
pub use store::{StoreError, WatchEvent, Xenstore};
