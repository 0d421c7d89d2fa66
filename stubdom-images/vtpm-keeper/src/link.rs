//! The way to the manager.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// One connection to a manager. Whoever answers on another one may be somebody else, and has to prove
/// that he is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection(pub u64);

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The time was over.
    TimedOut,
    /// The connection ended; the request may or may not have been executed.
    Lost,
    /// The domain was asked to stop while it waited.
    Stopping,
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the manager did not answer in time",
            Self::Lost => "the connection to the manager ended",
            Self::Stopping => "the domain was asked to stop before the manager answered",
        })
    }
}

/// Carries requests to the manager, one at a time. Every call waits until its moment at the most.
pub trait ManagerLink {
    /// The time now.
    fn now(&self) -> Duration;

    /// The present connection, once there is one.
    ///
    /// # Errors
    /// [`LinkError::TimedOut`], [`LinkError::Stopping`].
    fn connect(&mut self, until: Duration) -> Result<Connection, LinkError>;

    /// Sends a whole packet over this connection and no other; returns the whole answer.
    ///
    /// # Errors
    /// [`LinkError`].
    fn exchange(
        &mut self,
        connection: Connection,
        packet: &[u8],
        until: Duration,
    ) -> Result<Vec<u8>, LinkError>;

    /// Lets time pass.
    ///
    /// # Errors
    /// [`LinkError::Stopping`].
    fn pause(&mut self, until: Duration) -> Result<(), LinkError>;
}
