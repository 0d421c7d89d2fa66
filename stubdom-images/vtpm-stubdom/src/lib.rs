//! A vTPM domain without the ground it stands on: one backend and one vTPM, joined.
//!
//! The image gives [`VtpmDomain`] a real xenstore, real pages and real time; tests give it doubles.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod desk;
mod domain;
mod origin;

pub use desk::{Desk, FRONTENDS};
pub use domain::VtpmDomain;
pub use origin::origin;
