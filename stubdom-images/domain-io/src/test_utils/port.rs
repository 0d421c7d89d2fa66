//! One end of an event channel in memory.

use super::hypervisor::{PortKey, Shared};
use crate::sharing::{EventPort, PortNumber, SharingError};
use core::fmt;

/// One end of an event channel. Dropping it closes the channel.
pub struct FakePort {
    pub(super) key: PortKey,
    pub(super) host: Shared,
}

impl fmt::Debug for FakePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakePort({:?})", self.key)
    }
}

impl Drop for FakePort {
    fn drop(&mut self) {
        self.host.borrow_mut().close(self.key);
    }
}

impl EventPort for FakePort {
    fn number(&self) -> PortNumber {
        PortNumber(self.key.1)
    }

    fn notify(&self) -> Result<(), SharingError> {
        self.host.borrow_mut().notify(self.key)
    }

    fn take_pending(&self) -> bool {
        self.host.borrow_mut().take_pending(self.key)
    }
}
