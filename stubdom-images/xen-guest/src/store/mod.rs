//! Xenstore: messages, watches, and the connection of this domain.

pub(crate) mod client;
mod directory;
pub(crate) mod message;
mod shutdown;
pub(crate) mod watches;

pub use shutdown::ShutdownRequest;

#[cfg(target_os = "none")]
mod connection;
#[cfg(target_os = "none")]
pub use connection::StoreConnection;
