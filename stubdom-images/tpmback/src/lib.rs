//! The answering end of shared TPM pages, many frontends served fairly.
//!
//! [`Backend`] is driven by its owner: hand it the watch events with [`Backend::notice`], call
//! [`Backend::poll`] until it returns nothing, answer what it returned, then wait for one of
//! [`Backend::ports`], for xenstore, or until [`Backend::next_deadline`].
//!
//! ```
//! # use domain_io::{test_utils::World, DomainId, Xenstore};
//! # use tpmback::{Backend, Event, Limits, WATCHES_PER_TURN};
//! # let world = World::new();
//! # world.add_domain(DomainId(3));
//! # let (mut store, mut sharing, clock) =
//! #     (world.store(DomainId(3)), world.sharing(DomainId(3)), world.clock());
//! let mut backend = Backend::new(&mut store, Limits { frontends: 1 }).unwrap();
//! // one turn of the domain's loop
//! for _ in 0..WATCHES_PER_TURN {
//!     let Some(event) = store.next_event() else { break };
//!     if !backend.notice(&event) { /* somebody else's watch */ }
//! }
//! while let Some(event) = backend.poll(&mut store, &mut sharing, &clock) {
//!     match event {
//!         Event::Attached { id, uuid } => { /* backend.refuse(&mut store, id, "why") or let it be */ }
//!         Event::Command(command) => {
//!             let answer = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1];
//!             backend.respond(command.ticket, &answer).unwrap();
//!         }
//!         other => { /* Connected, Disconnected, Removed */ }
//!     }
//! }
//! ```
//!
//! What a frontend writes, in its page or in its nodes, can end its own connection and nothing
//! else: it is read once, checked, and counted against limits of its own.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

mod arrivals;
mod attach;
mod backend;
mod close;
mod connect;
mod device;
mod event;
mod inspect;
mod pace;
mod published;
mod refused;
mod serve;

#[cfg(test)]
mod tests;

pub use backend::{Backend, Limits, WATCHES_PER_TURN};
pub use device::{INIT_WAIT_HOLD, REMOVE_DELAY};
pub use event::{Command, Event, NotAnswered, Reason, Ticket};
pub use tpmif::Uuid;
pub use tpmif::nodes::DeviceId;
