//! The chain of domains inside one host process, judged by real peers.
//!
//! [`Chain`] is a machine in memory with one vTPM domain on it: everything that the domain's image
//! holds except the ground it stands on. [`Guest`] is a guest with Linux's driver. [`packets`] are
//! the commands that guests send. [`fuzz`] holds what the fuzz targets do with their bytes.
#![forbid(unsafe_code)]

mod blank;
mod chain;
pub mod fuzz;
mod guest;
pub mod packets;
mod removal;

pub use chain::{Chain, VTPM};
pub use guest::Guest;
pub use removal::Removal;
