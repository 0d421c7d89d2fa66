//! Pages and event channels shared with other domains.
#![allow(unsafe_code, reason = "pages that are mapped for as long as their owner lives")]

mod grant_table;
mod windows;

use crate::raw_page::RawPage;
use crate::{events, hypercall};
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use domain_io::{
    DomainId, EventPort, GrantRef, OutsidePage, PortNumber, SharedPage, Sharing, SharingError,
};
use grant_table::{GrantTable, Granted};
use windows::{Mapped, Windows};

/// What pages need when they are given up.
#[derive(Debug)]
struct Tables {
    grants: RefCell<GrantTable>,
    windows: RefCell<Windows>,
}

/// This domain's sharing with others: up to 960 mapped pages and 504 granted ones. Clones share the
/// same tables.
#[derive(Clone, Debug)]
pub struct DomainSharing {
    tables: Rc<Tables>,
}

impl DomainSharing {
    pub(crate) fn new() -> Self {
        let grants = RefCell::new(GrantTable::new());
        let windows = RefCell::new(Windows::new());
        Self { tables: Rc::new(Tables { grants, windows }) }
    }
}

#[derive(Debug)]
enum Origin {
    Granted(Granted),
    Mapped(Mapped),
}

/// A page that another domain can write. Dropping it unmaps it or ends the grant; a granted page
/// that the peer still has mapped is set aside until the peer has let go.
#[derive(Debug)]
pub struct Page {
    raw: RawPage,
    origin: Origin,
    revoked: Cell<bool>,
    tables: Rc<Tables>,
}

impl Page {
    fn new(raw: RawPage, origin: Origin, tables: &Rc<Tables>) -> Self {
        Self { raw, origin, revoked: Cell::new(false), tables: Rc::clone(tables) }
    }

    /// Takes the grant of a granted page back without regard to the peer, as only a faulty or hostile
    /// domain does: what the peer has mapped stays mapped, and it can map it no more. This domain goes on
    /// using the page; dropping it then loses the page and its grant entry, for as long as the domain
    /// lives. Does nothing to a mapped page.
    pub fn revoke(&self) {
        if let Origin::Granted(granted) = &self.origin {
            self.revoked.set(true);
            GrantTable::revoke(*granted);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if self.revoked.get() {
            return;
        }
        match &self.origin {
            Origin::Granted(granted) => self.tables.grants.borrow_mut().end(*granted),
            Origin::Mapped(mapped) => self.tables.windows.borrow_mut().unmap(mapped),
        }
    }
}

impl SharedPage for Page {
    fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), OutsidePage> {
        self.raw.read(offset, into)
    }

    fn write(&self, offset: usize, from: &[u8]) -> Result<(), OutsidePage> {
        self.raw.write(offset, from)
    }

    fn load_u8(&self, offset: usize) -> Result<u8, OutsidePage> {
        self.raw.load_u8(offset)
    }

    fn store_u8(&self, offset: usize, value: u8) -> Result<(), OutsidePage> {
        self.raw.store_u8(offset, value)
    }

    fn load_u32(&self, offset: usize) -> Result<u32, OutsidePage> {
        self.raw.load_u32(offset)
    }

    fn store_u32(&self, offset: usize, value: u32) -> Result<(), OutsidePage> {
        self.raw.store_u32(offset, value)
    }
}

/// This domain's end of an event channel; dropping it closes it.
#[derive(Debug)]
pub struct Port(u32);

impl Drop for Port {
    fn drop(&mut self) {
        // Closing our own open port cannot fail.
        let _ = hypercall::close_port(self.0);
        events::take_pending(self.0);
    }
}

impl EventPort for Port {
    fn number(&self) -> PortNumber {
        PortNumber(self.0)
    }

    fn notify(&self) -> Result<(), SharingError> {
        hypercall::send(self.0).map_err(SharingError::Port)
    }

    fn take_pending(&self) -> bool {
        events::take_pending(self.0)
    }
}

impl Sharing for DomainSharing {
    type Page = Page;
    type Port = Port;

    fn map(&mut self, owner: DomainId, grant: GrantRef) -> Result<Page, SharingError> {
        let mapped = self.tables.windows.borrow_mut().map(owner.0, grant.0);
        let mapped = mapped.map_err(|status| match status {
            Some(status) => SharingError::Map(status),
            None => SharingError::Exhausted,
        })?;
        // SAFETY: mapped until the page is dropped, at an address of the area.
        let raw = unsafe { RawPage::new(mapped.address) };
        Ok(Page::new(raw, Origin::Mapped(mapped), &self.tables))
    }

    fn bind(&mut self, remote: DomainId, port: PortNumber) -> Result<Port, SharingError> {
        hypercall::bind_interdomain(remote.0, port.0).map(Port).map_err(SharingError::Port)
    }

    fn grant(&mut self, peer: DomainId) -> Result<(Page, GrantRef), SharingError> {
        let granted = self.tables.grants.borrow_mut().grant(peer.0);
        let granted = granted.ok_or(SharingError::Exhausted)?;
        let reference = GrantRef(granted.reference);
        // SAFETY: allocated for this page alone and given back only after it is dropped.
        let raw = unsafe { RawPage::new(granted.page.expose_provenance().get() as u64) };
        Ok((Page::new(raw, Origin::Granted(granted), &self.tables), reference))
    }

    fn allocate_port(&mut self, peer: DomainId) -> Result<Port, SharingError> {
        hypercall::allocate_unbound(peer.0).map(Port).map_err(SharingError::Port)
    }
}
