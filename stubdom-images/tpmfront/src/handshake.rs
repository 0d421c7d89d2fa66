//! Connecting and closing, in answer to the backend's state.

use crate::device::{Device, Link, Phase};
use crate::event::{Event, Reason};
use crate::find::read;
use crate::frontend::Frontend;
use alloc::string::ToString;
use domain_io::{EventPort, Sharing, StoreError, Xenstore};
use tpmif::XenbusState::{Closed, Closing, Connected, InitWait, Initialised, Initialising};
use tpmif::{FrontendEnd, XenbusState, nodes};

/// What the nodes say.
enum Nodes {
    /// Our end was removed.
    Detached,
    /// The backend's end was removed, or is out of our sight.
    BackendGone,
    /// Both are there; the backend's state, if it is one.
    Backend(Option<XenbusState>),
}

impl<S: Sharing> Frontend<S> {
    /// Looks at the nodes and takes one step.
    pub(crate) fn look_at_nodes<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
    ) -> Result<Option<Event>, StoreError> {
        let Some(device) = &mut self.device else {
            self.find(store, None)?;
            return Ok(None);
        };
        match device.read_nodes(store)? {
            Nodes::Detached => Ok(self.lose(store, Reason::Detached)),
            Nodes::BackendGone => Ok(self.lose(store, Reason::BackendGone)),
            Nodes::Backend(state) => {
                let event = device.step(store, sharing, state)?;
                if event.is_none() && device.is_hopeless(state) {
                    let number = device.number;
                    self.find(store, Some(number))?;
                }
                Ok(event)
            }
        }
    }

    /// Drops a device that is gone; the owner is told if it had been offered anything.
    fn lose<X: Xenstore + ?Sized>(&mut self, store: &mut X, reason: Reason) -> Option<Event> {
        let closing = matches!(self.device.as_ref()?.phase, Phase::Closing(_));
        let linked = self.device.as_mut()?.link().is_some();
        self.forget(store);
        match (closing, linked) {
            (true, _) => Some(Event::Closed),
            (false, true) => Some(Event::Disconnected(reason)),
            (false, false) => None,
        }
    }

    /// Begins to close the connection in good order; [`Event::Closed`] follows. The device is not
    /// opened again before [`reopen`](Self::reopen).
    ///
    /// # Errors
    /// [`StoreError`] when our state could not be written; the connection is unchanged.
    pub fn close<X: Xenstore + ?Sized>(&mut self, store: &mut X) -> Result<(), StoreError> {
        let Some(device) = &mut self.device else { return Ok(()) };
        if device.link().is_some() {
            let owed = device.owed;
            device.switch(store, Closing).inspect_err(|_| device.owed = owed)?;
        }
        device.phase = match core::mem::replace(&mut device.phase, Phase::Closed) {
            Phase::Offered(link) | Phase::Open(link) | Phase::Closing(link) => Phase::Closing(link),
            Phase::Waiting | Phase::Closed => Phase::Closed,
            Phase::Shunned => Phase::Shunned,
        };
        self.changed = true;
        Ok(())
    }

    /// Lets a closed device be opened again, as soon as its backend is ready for that.
    pub fn reopen(&mut self) {
        if let Some(device) = &mut self.device
            && matches!(device.phase, Phase::Closed)
        {
            device.phase = Phase::Waiting;
            self.changed = true;
        }
    }
}

impl<S: Sharing> Device<S> {
    /// Whether to leave this device for another one that is ready.
    fn is_hopeless(&self, backend: Option<XenbusState>) -> bool {
        match self.phase {
            Phase::Waiting => matches!(backend, Some(Closing | Closed) | None),
            Phase::Shunned => true,
            Phase::Offered(_) | Phase::Open(_) | Phase::Closing(_) | Phase::Closed => false,
        }
    }

    fn read_nodes<X: Xenstore + ?Sized>(&self, store: &mut X) -> Result<Nodes, StoreError> {
        match store.read(&self.node(nodes::BACKEND)) {
            Ok(dir) if dir == self.backend_dir => {}
            // The same number with another backend is another device.
            Ok(_) => return Ok(Nodes::Detached),
            Err(error) if error.is_absent() => return Ok(Nodes::Detached),
            Err(error) => return Err(error),
        }
        let own = store.read(&self.node(nodes::STATE));
        if self.written.is_some() && own.is_ok_and(|own| own == Initialising.as_str()) {
            return Ok(Nodes::Detached);
        }
        let state = read(store, &self.backend_node(nodes::STATE))?;
        Ok(state.map_or(Nodes::BackendGone, |state| Nodes::Backend(XenbusState::parse(&state))))
    }

    fn step<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        backend: Option<XenbusState>,
    ) -> Result<Option<Event>, StoreError> {
        if backend != Some(Closing) {
            self.parting = None;
        }
        match self.owed {
            Some(Initialised) => self.publish(store)?,
            Some(state) => self.switch(store, state)?,
            None => {}
        }
        match (&self.phase, backend) {
            (Phase::Waiting, Some(InitWait)) => self.offer(store, sharing),
            (Phase::Offered(_), Some(Connected)) => self.accept(store),
            (Phase::Offered(_) | Phase::Open(_), Some(Closing)) => {
                self.parting = self.take_link();
                Ok(Some(self.end(store, Phase::Waiting, Reason::BackendClosed)))
            }
            (Phase::Offered(_) | Phase::Open(_), Some(Closed))
            | (Phase::Open(_), Some(Initialising | InitWait)) => {
                Ok(Some(self.end(store, Phase::Waiting, Reason::BackendClosed)))
            }
            (Phase::Closing(_), Some(Closing | Closed | InitWait)) => {
                self.phase = Phase::Closed;
                for name in [nodes::EVENT_CHANNEL, nodes::RING_REF] {
                    let _ = store.remove(&self.node(name));
                }
                self.show(store, Closed);
                Ok(Some(Event::Closed))
            }
            _ => Ok(None),
        }
    }

    /// Publishes a fresh page and port.
    fn offer<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
    ) -> Result<Option<Event>, StoreError> {
        let granted = sharing.grant(self.backend);
        let shared = granted.and_then(|(page, grant)| {
            sharing.allocate_port(self.backend).map(|port| (page, grant, port))
        });
        let (page, grant, port) = match shared {
            Ok(shared) => shared,
            Err(error) => return Ok(Some(Event::Disconnected(Reason::NotShared(error)))),
        };
        // Before the first node is written: what gets no answer may be read by the backend all the same.
        self.phase = Phase::Offered(Link { grant, end: FrontendEnd::new(page), port, look: false });
        self.publish(store)?;
        Ok(None)
    }

    fn publish<X: Xenstore + ?Sized>(&mut self, store: &mut X) -> Result<(), StoreError> {
        self.owed = Some(Initialised);
        if let Some(Link { grant, port, .. }) = self.link() {
            let (grant, port) = (grant.0.to_string(), port.number().0.to_string());
            store.write(&self.node(nodes::RING_REF), &grant)?;
            store.write(&self.node(nodes::EVENT_CHANNEL), &port)?;
        }
        store.write(&self.node(nodes::PROTOCOL_V2), "1")?;
        self.switch(store, Initialised)
    }

    fn accept<X: Xenstore + ?Sized>(&mut self, store: &mut X) -> Result<Option<Event>, StoreError> {
        // A backend of very many devices has no room for this node, and none of today speaks another
        // version: only one that says otherwise is shunned.
        let version = read(store, &self.backend_node(nodes::PROTOCOL_V2))?;
        if version.is_some_and(|version| nodes::number(&version).unwrap_or(0) == 0) {
            return Ok(Some(self.end(store, Phase::Shunned, Reason::NoProtocolV2)));
        }
        self.switch(store, Connected)?;
        self.phase = match core::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Offered(link) => Phase::Open(link),
            other => other,
        };
        let (device, backend) = (self.number, self.backend);
        Ok(Some(Event::Connected { device, backend }))
    }

    /// Lets go of page and port, goes on in `phase`, and says so to the backend.
    pub(crate) fn end<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        phase: Phase<S>,
        reason: Reason,
    ) -> Event {
        self.phase = phase;
        self.show(store, Closed);
        Event::Disconnected(reason)
    }
}
