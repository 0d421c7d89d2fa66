//! The rules of a vTPM domain: arguments, a TPM's boot life, the probe answers for stock frontends.
//!
//! [`Service`] joins them around an engine: it makes a new TPM ready, owns its Startup and
//! Shutdown, decides which guest gets it and when it is reset, and answers commands. Nothing here
//! knows pages or events; the image hands in what the guest's page said.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]
extern crate alloc;

pub mod announce;
mod boot;
#[cfg(test)]
mod fake_engine;
mod keeper;
mod life;
mod probe;
mod route;
mod service;

pub use boot::BootError;
pub use keeper::{Ephemeral, NotBegun, NotKept, StateKeeper};
pub use life::{Past, Refusal};
pub use service::{AttachError, Origin, Service, ServiceError};
pub use vtpm_arguments::{self as arguments, Arguments};
