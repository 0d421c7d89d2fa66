//! Sharing between domains of one [`World`](super::World).

use super::hypervisor::Shared;
use super::page::{FakePage, Lease};
use super::port::FakePort;
use crate::sharing::{DomainId, GrantRef, PortNumber, Sharing, SharingError};
use alloc::rc::Rc;

/// What one domain can share.
#[derive(Clone)]
pub struct FakeSharing {
    pub(super) domain: DomainId,
    pub(super) host: Shared,
}

impl FakeSharing {
    fn port(&self, key: super::hypervisor::PortKey) -> FakePort {
        FakePort { key, host: Rc::clone(&self.host) }
    }
}

impl Sharing for FakeSharing {
    type Page = FakePage;
    type Port = FakePort;

    fn map(&mut self, owner: DomainId, grant: GrantRef) -> Result<FakePage, SharingError> {
        let key = (owner.0, grant.0);
        let frame = self.host.borrow_mut().map(self.domain, key)?;
        Ok(FakePage { frame, key, lease: Lease::Mapped, host: Rc::clone(&self.host) })
    }

    fn bind(&mut self, remote: DomainId, port: PortNumber) -> Result<FakePort, SharingError> {
        let key = self.host.borrow_mut().bind(self.domain, (remote.0, port.0))?;
        Ok(self.port(key))
    }

    fn grant(&mut self, peer: DomainId) -> Result<(FakePage, GrantRef), SharingError> {
        let (key, frame) = self.host.borrow_mut().grant(self.domain, peer);
        let page = FakePage { frame, key, lease: Lease::Granted, host: Rc::clone(&self.host) };
        Ok((page, GrantRef(key.1)))
    }

    fn allocate_port(&mut self, peer: DomainId) -> Result<FakePort, SharingError> {
        let key = self.host.borrow_mut().allocate_port(self.domain, peer);
        Ok(self.port(key))
    }
}
