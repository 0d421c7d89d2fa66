//! The page a frontend and a backend share: layout, states, and who may write what.
//!
//! Protocol version 2 of Xen public/io/tpmif.h, as Linux and mini-os really speak it. One page,
//! granted by the frontend, carries one command at a time and then, in the same place, its
//! response. [`FrontendEnd`] is the only way to submit or cancel, [`BackendEnd`] the only way to
//! finish or to go idle; neither offers the other's writes.
//!
//! The other side can change any byte between any two looks. Each field is read once into a private
//! copy, checked there, and acted on as the copy. A side that breaks the protocol is reported as
//! [`PeerMisbehaved`], which is neither "nothing yet" nor a mistake of our own.
//!
//! The names and numbers by which both ends find each other in xenstore are in [`nodes`] and
//! [`XenbusState`].
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

mod backend;
mod fault;
mod frontend;
mod layout;
mod message;
pub mod nodes;
#[cfg(feature = "test-utils")]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "only tests run it"
)]
pub mod peers;
mod state;
mod uuid;
mod xenbus;

#[cfg(test)]
mod tests;

pub use backend::{AnswerDoesNotFit, BackendEnd, Reply, Seen, Short, Submission};
pub use fault::{PageFault, PeerMisbehaved};
pub use frontend::{Answer, FrontendEnd, NotSubmitted};
pub use layout::{LARGEST_MESSAGE, SMALLEST_MESSAGE, data_offset, room};
pub use state::PageState;
pub use uuid::Uuid;
pub use xenbus::XenbusState;
