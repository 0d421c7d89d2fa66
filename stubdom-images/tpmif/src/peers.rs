//! The other ends as they really behave, for tests on one machine in memory.
//!
//! They are written from the behaviour of the real programs and use none of this crate's own page
//! code: two ends that share code agree about mistakes too.

mod libxl;
mod linux;
mod mini_os;
mod raw;
mod waiting;

pub use libxl::{Libxl, UUID};
pub use linux::{LinuxFrontend, Sent};
pub use mini_os::{Closing, MiniOsFrontend};
pub use raw::RawFrontend;
pub use waiting::{Waiting, Waits};
