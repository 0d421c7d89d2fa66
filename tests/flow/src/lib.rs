//! The chain of domains inside one host process, judged by real peers.
//!
//! [`Chain`] is a machine in memory with one vTPM domain on it: everything that the domain's image
//! holds except the ground it stands on. [`Machine`] is one with a manager and a disk, whose vTPM domain
//! starts again and again. [`Guest`] is a guest with Linux's driver. [`packets`] are
//! the commands that guests send. [`fuzz`] holds what the fuzz targets do with their bytes.
#![forbid(unsafe_code)]

mod blank;
mod chain;
pub mod fuzz;
mod guest;
mod machine;
mod manager;
mod mortal;
pub mod packets;
mod removal;

pub use chain::{Chain, VTPM};
pub use guest::Guest;
pub use machine::{Machine, Managed, NoStart};
pub use manager::{Board, MANAGER, Manager, StoreDisk};
pub use mortal::{AnyDisk, Death};
pub use removal::Removal;
