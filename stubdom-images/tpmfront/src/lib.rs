//! The asking end of a shared TPM page.
//!
//! [`Frontend`] connects to whichever vTPM device the toolstack gives its domain, whatever its
//! number, follows it through detach and attach, and carries one command at a time. Its owner hands
//! it watch events with [`Frontend::notice`], calls [`Frontend::poll`] until it returns nothing, and
//! waits for [`Frontend::port`], for xenstore, or until [`Frontend::next_deadline`].
//!
//! Nothing here waits: how long an answer may take is for the owner to say, who may
//! [`cancel`](Frontend::cancel) or give up.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

mod commands;
mod device;
mod event;
mod find;
mod frontend;
mod handshake;

#[cfg(test)]
mod tests;

pub use event::{Event, NotSent, Reason};
pub use frontend::{Frontend, is_own};
