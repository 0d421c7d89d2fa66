//! Xenstore: messages, watches, and the connection of this domain.

pub(crate) mod client;
mod directory;
pub(crate) mod message;
pub(crate) mod watches;

#[cfg(target_os = "none")]
mod connection;
#[cfg(target_os = "none")]
pub use connection::{ShutdownRequest, StoreConnection};
