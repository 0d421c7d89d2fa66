//! What each fuzz target does with its bytes, whatever they are.
//!
//! The targets of `./x fuzz` call these functions, and so do ordinary tests with the kept inputs. A
//! function panics when a promise is broken.

mod actions;
mod bytes;
mod command_line;
mod packets;
mod page;
mod wire;

pub use command_line::command_line;
pub use packets::packets;
pub use page::page;
pub use wire::wire;

/// A target: what it does with an input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 4] =
    [("packets", packets), ("page", page), ("command_line", command_line), ("wire", wire)];
