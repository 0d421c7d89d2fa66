//! Security labels of other domains, where the hypervisor has them.

use alloc::vec::Vec;
use domain_io::PortNumber;

/// Asks the hypervisor who is at the other end of an event channel.
pub trait PeerLabels {
    /// The label, without a final zero; `None` when the hypervisor has no labels (Xen without
    /// XSM/FLASK answers `ENOSYS`).
    ///
    /// # Errors
    /// The hypervisor's errno when it has labels and this one cannot be read.
    fn label(&mut self, port: PortNumber) -> Result<Option<Vec<u8>>, i32>;
}

impl<F: FnMut(PortNumber) -> Result<Option<Vec<u8>>, i32>> PeerLabels for F {
    fn label(&mut self, port: PortNumber) -> Result<Option<Vec<u8>>, i32> {
        self(port)
    }
}

/// A hypervisor without labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLabels;

impl PeerLabels for NoLabels {
    fn label(&mut self, _: PortNumber) -> Result<Option<Vec<u8>>, i32> {
        Ok(None)
    }
}
