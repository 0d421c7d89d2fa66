//! Security labels of other domains, where the hypervisor has them.

use alloc::vec::Vec;
use domain_io::PortNumber;

/// Asks the hypervisor who is at the other end of an event channel.
pub trait PeerLabels {
    /// The label, without a final zero; `None` when the hypervisor has no labels (Xen without
    /// XSM/FLASK answers `ENOSYS`).
    fn label(&mut self, port: PortNumber) -> Option<Vec<u8>>;
}

/// A hypervisor without labels.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLabels;

impl PeerLabels for NoLabels {
    fn label(&mut self, _: PortNumber) -> Option<Vec<u8>> {
        None
    }
}
