//! Mapping a frontend's page and binding to its port.

use crate::close::Outcome;
use crate::device::{Device, Link, Phase};
use crate::event::{Event, Reason};
use crate::published::Published;
use crate::refused::Connections;
use core::time::Duration;
use domain_io::{GrantRef, PortNumber, Sharing, StoreError, Xenstore};
use tpmif::{BackendEnd, XenbusState, nodes};

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
            Err(reason) => {
                self.say(now, log::Level::Warn, format_args!("cannot connect: {reason}"));
                self.turn_away(store, &alloc::format!("{reason}"));
                return Ok(Outcome::Tell(Event::Disconnected(self.id, reason)));
            }
        }
        self.switch(store, XenbusState::Connected)?;
        self.say(now, log::Level::Info, format_args!("connected"));
        Ok(Outcome::Tell(Event::Connected(self.id)))
    }

    /// Maps and binds what the frontend has published.
    pub(crate) fn make_link<X: Xenstore + ?Sized>(
        &self,
        store: &mut X,
        sharing: &mut S,
        connections: &mut Connections,
    ) -> Result<Link<S>, Reason> {
        if !self.frontend_number(store, nodes::PROTOCOL_V2).is_ok_and(|version| version != 0) {
            return Err(Reason::NoProtocolV2);
        }
        let ring_ref = self.frontend_number(store, nodes::RING_REF)?;
        let event_channel = self.frontend_number(store, nodes::EVENT_CHANNEL)?;
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

    fn frontend_number<X: Xenstore + ?Sized>(
        &self,
        store: &mut X,
        name: &'static str,
    ) -> Result<u32, Reason> {
        let text = store.read(&self.frontend_node(name)).ok();
        text.as_deref().and_then(nodes::number).ok_or(Reason::BadNode(name))
    }
}
