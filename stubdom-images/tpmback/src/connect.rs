//! Mapping a frontend's page and binding to its port.

use crate::close::Outcome;
use crate::device::{Device, Link, Phase};
use crate::event::{Event, Reason};
use crate::published::Published;
use crate::refused::Connections;
use core::time::Duration;
use domain_io::{GrantRef, PortNumber, Sharing, StoreError, Xenstore};
use tpmif::{BackendEnd, XenbusState, nodes};

/// Why there is no connection.
pub(crate) enum NoLink {
    /// As things are there can be none.
    Because(Reason),
    /// xenstore does not say what the frontend has published.
    Unread(StoreError),
}

impl From<Reason> for NoLink {
    fn from(reason: Reason) -> Self {
        Self::Because(reason)
    }
}

impl<S: Sharing> Device<S> {
    pub(crate) fn connect<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
        connections: &mut Connections,
    ) -> Result<Outcome, StoreError> {
        match self.make_link(store, sharing, connections) {
            Ok(link) => self.phase = Phase::Connected(link),
            Err(NoLink::Unread(error)) => return Err(error),
            Err(NoLink::Because(reason)) => {
                self.say(now, log::Level::Warn, format_args!("cannot connect: {reason}"));
                self.turn_away(store, &alloc::format!("{reason}"));
                return Ok(Outcome::Tell(Event::Disconnected(self.id, reason)));
            }
        }
        self.show(store, now, XenbusState::Connected);
        self.say(now, log::Level::Info, format_args!("connected"));
        Ok(Outcome::Tell(Event::Connected(self.id)))
    }

    /// Maps and binds what the frontend has published.
    pub(crate) fn make_link<X: Xenstore + ?Sized>(
        &self,
        store: &mut X,
        sharing: &mut S,
        connections: &mut Connections,
    ) -> Result<Link<S>, NoLink> {
        let mut number = |name| self.frontend_number(store, name).map_err(NoLink::Unread);
        if number(nodes::PROTOCOL_V2)?.unwrap_or(0) == 0 {
            return Err(Reason::NoProtocolV2.into());
        }
        let mut number = |name| number(name)?.ok_or(NoLink::Because(Reason::BadNode(name)));
        let (ring_ref, event_channel) = (number(nodes::RING_REF)?, number(nodes::EVENT_CHANNEL)?);
        let owner = self.id.frontend;
        let page = sharing.map(owner, GrantRef(ring_ref)).map_err(Reason::NotShared)?;
        let port = sharing.bind(owner, PortNumber(event_channel)).map_err(Reason::NotShared)?;
        connections.made = connections.made.wrapping_add(1);
        let number = connections.made;
        // The frontend may have submitted long ago: look without waiting for an event.
        let (end, look) = (BackendEnd::new(page), true);
        let published = Published { ring_ref: Some(ring_ref), event_channel: Some(event_channel) };
        Ok(Link { number, published, end, port, running: None, look })
    }

    /// `None` where there is no number.
    fn frontend_number<X: Xenstore + ?Sized>(
        &self,
        store: &mut X,
        name: &'static str,
    ) -> Result<Option<u32>, StoreError> {
        match store.read(&self.frontend_node(name)) {
            Ok(text) => Ok(nodes::number(&text)),
            Err(error) if error.is_out_of_sight() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
