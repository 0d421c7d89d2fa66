//! The rules of the manager domain: who may ask for what, and what is kept before it is answered.
//!
//! [`Manager`] joins the store of all vTPMs, the hardware TPM and the keeper of the store's secret.
//! It is handed whole requests by whoever has the pages, answers at once what changes nothing, and
//! collects what has to be durable first: [`Manager::commit`] writes all of it with one flush.
//! Nothing here knows pages, events or xenstore.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

pub mod announce;
pub mod arguments;
mod disk;
mod hardware;
mod image;
mod ledger;
mod manager;
mod pass;
mod rollback;
mod root;
mod sessions;

pub use arguments::Arguments;
pub use hardware::{Hardware, HardwareFault};
pub use ledger::{CommitFault, Outcome};
pub use manager::{Manager, OpenError, Opened, Parts, Reply};
pub use rollback::{AcceptWord, CounterWord, OldStore, Rules, USUAL_BUDGET};
pub use root::{
    CounterFault, CounterValue, Ground, PolicyDone, Recovered, RootError, RootKeeper, WithHardware,
    WithoutHardware,
};
pub use sessions::Refusal;
