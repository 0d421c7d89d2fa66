//! Linux's devices for event channels and grants, as any program of root's has them in a guest: enough to
//! be a frontend without a driver.
//!
//! Source: Linux include/uapi/xen/evtchn.h, gntalloc.h and gntdev.h.
#![allow(unsafe_code, reason = "ioctls, and pages that another domain may write")]

mod call;
mod page;
mod port;

pub use page::Page;
pub use port::Port;

use domain_io::{DomainId, GrantRef, PortNumber, Sharing, SharingError};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::rc::Rc;

/// `GNTST_general_error`: Linux does not hand Xen's own status on.
const REFUSED: i16 = -1;

/// The devices, open.
#[derive(Debug)]
pub struct Devices {
    gntalloc: Rc<OwnedFd>,
    gntdev: Rc<OwnedFd>,
}

impl Devices {
    /// Opens `/dev/xen/gntalloc` and `/dev/xen/gntdev`.
    ///
    /// # Errors
    /// `NOENT`: their modules are not loaded. `ACCESS`: the caller may not open them.
    pub fn open() -> Result<Self, Errno> {
        Ok(Self { gntalloc: device("gntalloc")?.into(), gntdev: device("gntdev")?.into() })
    }
}

impl Sharing for Devices {
    type Page = Page;
    type Port = Port;

    fn map(&mut self, owner: DomainId, grant: GrantRef) -> Result<Page, SharingError> {
        Page::of_another(&self.gntdev, owner, grant).map_err(|_| SharingError::Map(REFUSED))
    }

    fn bind(&mut self, remote: DomainId, port: PortNumber) -> Result<Port, SharingError> {
        Port::bind(remote, port).map_err(port_error)
    }

    fn grant(&mut self, peer: DomainId) -> Result<(Page, GrantRef), SharingError> {
        Page::granted(&self.gntalloc, peer).map_err(|_| SharingError::Exhausted)
    }

    fn allocate_port(&mut self, peer: DomainId) -> Result<Port, SharingError> {
        Port::allocate(peer).map_err(port_error)
    }
}

fn port_error(error: Errno) -> SharingError {
    SharingError::Port(-error.raw_os_error())
}

fn device(name: &str) -> Result<OwnedFd, Errno> {
    open(format!("/dev/xen/{name}"), OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
}
