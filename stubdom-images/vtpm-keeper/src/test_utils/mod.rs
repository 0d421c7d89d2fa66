//! A manager in memory, written to docs/formats/manager-protocol.md, that can be made to fail.

mod link;
mod manager;

pub use link::DirectLink;
pub use manager::{FakeManager, Fate, Memory};
