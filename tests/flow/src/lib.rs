//! The chain of domains inside one host process, judged by real peers.
//!
//! [`Chain`] is a machine in memory with one vTPM domain on it: everything that the domain's image
//! holds except the ground it stands on. [`Machine`] is one with a manager and a disk, whose vTPM domain
//! starts again and again. [`Guest`] is a guest with Linux's driver. [`packets`] are
//! the commands that guests send. [`fuzz`] holds what the fuzz targets do with their bytes.
#![forbid(unsafe_code)]

mod blank;
mod board;
mod chain;
mod counter;
pub mod fuzz;
mod guest;
mod machine;
mod manager;
mod mortal;
mod owner12;
pub mod packets;
mod removal;

pub use board::Board;
pub use chain::{Chain, VTPM};
pub use counter::{Count, HardwareCounter};
pub use guest::Guest;
pub use machine::{Machine, Managed, NoStart};
pub use manager::{Boards, MANAGER, Manager, StoreDisk};
pub use mortal::{AnyDisk, Death};
pub use owner12::own;
pub use removal::Removal;
