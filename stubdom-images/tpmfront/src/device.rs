//! The device a frontend has settled on.

use alloc::string::String;
use domain_io::{DomainId, GrantRef, Sharing, StoreError, Xenstore};
use tpmif::{FrontendEnd, XenbusState, nodes};

/// A device and how far its connection is.
pub(crate) struct Device<S: Sharing> {
    pub(crate) number: u32,
    pub(crate) backend: DomainId,
    /// The backend's end, as a full path.
    pub(crate) backend_dir: String,
    pub(crate) phase: Phase<S>,
    /// What we last wrote to our `state` node; `Initialising` there after that means that the
    /// toolstack has created the device anew.
    pub(crate) written: Option<XenbusState>,
    /// What we have tried to write there since, and xenstored has not confirmed.
    pub(crate) owed: Option<XenbusState>,
    /// What a backend that is closing still maps; dropped once it says that it is done. Ended before that, a
    /// grant would outlive its page.
    pub(crate) parting: Option<Link<S>>,
}

/// How far a connection is.
pub(crate) enum Phase<S: Sharing> {
    /// Waits for the backend's `InitWait`.
    Waiting,
    /// `Initialised`: page and port are published, the backend has not connected.
    Offered(Link<S>),
    /// `Connected`.
    Open(Link<S>),
    /// `Closing`, at our own wish: waits until the backend lets go of the page.
    Closing(Link<S>),
    /// Closed at our own wish: stays so until we wish otherwise.
    Closed,
    /// Closed because the backend cannot be dealt with: stays so.
    Shunned,
}

/// What was offered to the backend. Dropping it closes the port and ends the grant.
pub(crate) struct Link<S: Sharing> {
    pub(crate) grant: GrantRef,
    pub(crate) end: FrontendEnd<S::Page>,
    pub(crate) port: S::Port,
    /// Look at the page even without an event.
    pub(crate) look: bool,
}

impl<S: Sharing> Device<S> {
    pub(crate) fn node(&self, name: &str) -> String {
        alloc::format!("{}/{}/{name}", nodes::FRONTEND_ROOT, self.number)
    }

    pub(crate) fn backend_node(&self, name: &str) -> String {
        alloc::format!("{}/{name}", self.backend_dir)
    }

    /// Writes our `state` node. What gets no answer may have been done all the same.
    pub(crate) fn switch<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        to: XenbusState,
    ) -> Result<(), StoreError> {
        self.owed = Some(to);
        store.write(&self.node(nodes::STATE), to.as_str())?;
        (self.written, self.owed) = (Some(to), None);
        Ok(())
    }

    /// The same for a state that the device has already; the next look makes up for what fails.
    pub(crate) fn show<X: Xenstore + ?Sized>(&mut self, store: &mut X, state: XenbusState) {
        if let Err(error) = self.switch(store, state) {
            log::debug!("vTPM frontend: xenstore: {error}; tried again soon");
        }
    }

    /// Page and port of a device that is offered or open, which it has no more afterwards.
    pub(crate) fn take_link(&mut self) -> Option<Link<S>> {
        match core::mem::replace(&mut self.phase, Phase::Waiting) {
            Phase::Offered(link) | Phase::Open(link) | Phase::Closing(link) => Some(link),
            Phase::Waiting | Phase::Closed | Phase::Shunned => None,
        }
    }

    pub(crate) fn link(&mut self) -> Option<&mut Link<S>> {
        match &mut self.phase {
            Phase::Offered(link) | Phase::Open(link) | Phase::Closing(link) => Some(link),
            Phase::Waiting | Phase::Closed | Phase::Shunned => None,
        }
    }
}
