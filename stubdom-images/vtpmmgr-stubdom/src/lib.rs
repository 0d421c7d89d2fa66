//! The manager domain without the ground it stands on: one backend with many frontends and one
//! manager, joined.
//!
//! The image gives [`ManagerDomain`] a real xenstore, real pages, a real disk and real time; tests
//! give it doubles.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod domain;
mod labels;

pub use domain::{FRONTENDS, HEAP_NEEDED, ManagerDomain};
pub use labels::{NoLabels, PeerLabels};
