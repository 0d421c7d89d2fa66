//! Keeps a vTPM's state: on the domain's own disk, under a key that the manager keeps.
//!
//! [`open`] asks the manager and looks at the disk, decides by one table whether to load, to make a
//! new TPM or to stop ([`decide`]), and gives back a [`ManagedKeeper`], which the service calls after
//! every command. A save happens only when the TPM's permanent state changed: the disk first, with a
//! flush, then the manager, and the answer leaves last. A lost answer of the manager is asked for
//! before anything is written again.
//!
//! The manager is reached by a [`ManagerLink`]; [`FrontendLink`] is the one over a shared page, which
//! follows its device through detach and attach. What the encrypted image holds is in
//! docs/formats/vtpm-image.md.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

pub mod decide;
mod endorsement;
mod engine;
mod frontend_link;
mod hardware;
pub mod image;
mod keeper;
mod link;
mod manager;
mod open;
mod publish;
mod shared_store;
mod stop;
#[cfg(feature = "test-utils")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only tests run it"
)]
pub mod test_utils;

pub use endorsement::{EndorsementKey, NoKey};
pub use engine::KeptEngine;
pub use frontend_link::{FrontendLink, LinkHost, Meanwhile, UuidError};
pub use keeper::ManagedKeeper;
pub use link::{Connection, LinkError, ManagerLink};
pub use manager::{ManagerError, random};
pub use open::{Opened, Vtpm, open};
pub use publish::answer_limit;
pub use shared_store::{SharedStore, share};
pub use stop::Stop;
