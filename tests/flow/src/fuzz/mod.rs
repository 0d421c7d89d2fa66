//! What each fuzz target does with its bytes, whatever they are.
//!
//! The targets of `./x fuzz` call these functions, and so do ordinary tests with the kept inputs. A
//! function panics when a promise is broken.

mod actions;
mod bytes;
mod command_line;
mod disk_ring;
mod packets;
mod page;
mod wire;
mod xenstore;

pub use command_line::command_line;
pub use disk_ring::disk_ring;
pub use packets::packets;
pub use page::page;
pub use wire::wire;
pub use xenstore::xenstore;

/// A target: what it does with an input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 6] = [
    ("packets", packets),
    ("page", page),
    ("command_line", command_line),
    ("wire", wire),
    ("xenstore", xenstore),
    ("disk_ring", disk_ring),
];
