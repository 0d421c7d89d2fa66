//! Pages and event channels between two domains.

use crate::page::SharedPage;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

/// A domain's number, as Xen assigns it (`domid_t`). Never taken from a peer's own claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainId(pub u16);

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An index into the granting domain's grant table (`grant_ref_t`). A claim of the peer when it
/// was read from xenstore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GrantRef(pub u32);

/// An event channel's number inside one domain (`evtchn_port_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortNumber(pub u32);

/// Why a page or an event channel could not be shared. The numbers are Xen's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharingError {
    /// The grant could not be mapped; Xen's `GNTST_*` status (public/grant_table.h).
    Map(i16),
    /// An event channel call failed; a negative errno.
    Port(i32),
    /// No free window, grant entry or page is left in this domain.
    Exhausted,
}

impl fmt::Display for SharingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(status) => write!(f, "the granted page could not be mapped (GNTST {status})"),
            Self::Port(errno) => write!(f, "the event channel could not be used (errno {errno})"),
            Self::Exhausted => f.write_str("this domain has no room for another shared page"),
        }
    }
}

/// This domain's end of an event channel. Dropping it closes the channel.
pub trait EventPort {
    /// The number that this domain waits on, and publishes when it allocated the port.
    fn number(&self) -> PortNumber;

    /// Wakes the other end.
    ///
    /// # Errors
    /// [`SharingError::Port`] when the channel is no longer connected.
    fn notify(&self) -> Result<(), SharingError>;

    /// Clears the pending mark and says whether it was set. Clear first, look at the page second,
    /// wait third: an event in between is then never lost.
    fn take_pending(&self) -> bool;
}

/// Sharing with other domains, from either end.
pub trait Sharing {
    /// A page reached through a grant; dropping it unmaps it or ends the grant.
    type Page: SharedPage;
    /// One end of an event channel; dropping it closes it.
    type Port: EventPort;

    /// Maps, for reading and writing, a page that `owner` granted to this domain.
    ///
    /// # Errors
    /// [`SharingError::Map`] when Xen refuses, [`SharingError::Exhausted`] without a free window.
    fn map(&mut self, owner: DomainId, grant: GrantRef) -> Result<Self::Page, SharingError>;

    /// Binds to a port that `remote` allocated for this domain.
    ///
    /// # Errors
    /// [`SharingError::Port`] when Xen refuses.
    fn bind(&mut self, remote: DomainId, port: PortNumber) -> Result<Self::Port, SharingError>;

    /// Grants a fresh zeroed page to `peer` for reading and writing.
    ///
    /// # Errors
    /// [`SharingError::Exhausted`] when no page or grant entry is free.
    fn grant(&mut self, peer: DomainId) -> Result<(Self::Page, GrantRef), SharingError>;

    /// Allocates a port that only `peer` can bind to.
    ///
    /// # Errors
    /// [`SharingError::Port`] when Xen refuses.
    fn allocate_port(&mut self, peer: DomainId) -> Result<Self::Port, SharingError>;
}

/// What can be shared can be shared by several owners in one domain.
impl<S: Sharing> Sharing for Rc<RefCell<S>> {
    type Page = S::Page;
    type Port = S::Port;

    fn map(&mut self, owner: DomainId, grant: GrantRef) -> Result<Self::Page, SharingError> {
        self.borrow_mut().map(owner, grant)
    }

    fn bind(&mut self, remote: DomainId, port: PortNumber) -> Result<Self::Port, SharingError> {
        self.borrow_mut().bind(remote, port)
    }

    fn grant(&mut self, peer: DomainId) -> Result<(Self::Page, GrantRef), SharingError> {
        self.borrow_mut().grant(peer)
    }

    fn allocate_port(&mut self, peer: DomainId) -> Result<Self::Port, SharingError> {
        self.borrow_mut().allocate_port(peer)
    }
}
