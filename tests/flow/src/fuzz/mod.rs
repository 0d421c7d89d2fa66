//! What each fuzz target does with its bytes, whatever they are.
//!
//! The targets of `./x fuzz` call these functions, and so do ordinary tests with the kept inputs. A
//! function panics when a promise is broken.

mod actions;
mod backend;
mod bytes;
mod command_line;
mod config_file;
mod disk_ring;
mod disks;
mod edits;
mod hardware_tpm;
mod liar;
mod manager_answers;
mod manager_packets;
mod packets;
mod page;
mod proxy_state;
mod sealed_secret;
mod tpm_answers;
mod vtpm_lines;
mod wire;
mod xenstore;

pub use backend::backend;
pub use command_line::command_line;
pub use config_file::config_file;
pub use disk_ring::disk_ring;
pub use disks::disks;
pub use hardware_tpm::hardware_tpm;
pub use manager_answers::manager_answers;
pub use manager_packets::manager_packets;
pub use packets::packets;
pub use page::page;
pub use proxy_state::proxy_state;
pub use sealed_secret::sealed_secret;
pub use tpm_answers::tpm_answers;
pub use vtpm_lines::vtpm_lines;
pub use wire::wire;
pub use xenstore::xenstore;

/// A target: what it does with an input.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 16] = [
    ("packets", packets),
    ("page", page),
    ("command_line", command_line),
    ("wire", wire),
    ("xenstore", xenstore),
    ("disk_ring", disk_ring),
    ("backend", backend),
    ("manager_packets", manager_packets),
    ("manager_answers", manager_answers),
    ("disks", disks),
    ("sealed_secret", sealed_secret),
    ("hardware_tpm", hardware_tpm),
    ("tpm_answers", tpm_answers),
    ("vtpm_lines", vtpm_lines),
    ("config_file", config_file),
    ("proxy_state", proxy_state),
];
