//! What must not be lost: [`manager`], the manager's store of all vTPMs, and [`state_disk`], a vTPM
//! domain's own two-slot disk.
//!
//! Both are pure logic over a [`BlockDevice`] and an [`Entropy`] source: no clock, no xenstore, no
//! TPM. The disk is hostile in what it returns and may lose power at any instruction: what was
//! acknowledged is found again, what was tampered with is refused by name, and neither format ever
//! uses one key and nonce for two texts. The bytes are in `docs/formats/manager-store.md` and
//! `docs/formats/vtpm-disk.md`.
//!
//! [`BlockDevice`]: domain_io::BlockDevice
//! [`Entropy`]: domain_io::Entropy
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod bytes;
mod digest;
mod hash_key;
pub mod manager;
pub mod seal;
mod secret;
pub mod state_disk;
mod uuid;

pub use hash_key::HashKey;
pub use secret::Secret;
pub use uuid::Uuid;
