//! Looking at a device's nodes and taking the next step.

use crate::close::Outcome;
use crate::device::{Device, INIT_WAIT_HOLD, LOOKS, OPENS, Phase, RETRY, SWEEP_LIMIT};
use crate::event::{Event, Reason};
use crate::refused::Connections;
use core::time::Duration;
use domain_io::{Sharing, StoreError, Xenstore};
use tpmif::XenbusState::{Closed, Closing, Connected, InitWait, Initialised, Initialising};
use tpmif::{XenbusState, nodes};

/// What the nodes say.
enum Nodes {
    /// Our end was removed.
    Removed,
    /// The toolstack wants the device gone.
    Unwanted,
    /// The frontend's end was removed, or was taken out of our sight.
    FrontendGone,
    /// Both are there; the frontend's state, if it is one.
    Frontend(Option<XenbusState>),
}

impl<S: Sharing> Device<S> {
    /// Looks at the nodes and takes one step.
    pub(crate) fn look<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
        connections: &mut Connections,
    ) -> Outcome {
        let is_sweep = !self.changed && matches!(self.phase, Phase::Connected(_));
        if is_sweep && !store.answers_within(SWEEP_LIMIT) {
            self.due = now + RETRY;
            return Outcome::Nothing;
        }
        self.changed = false;
        self.due = now + self.sweep;
        self.looks.spend(now, LOOKS);
        if let Phase::Leaving { at } = self.phase {
            return self.remove_when_due(store, now, at);
        }
        let step = match self.read_nodes(store) {
            Ok(Nodes::Removed) => return Outcome::Gone,
            Ok(Nodes::Unwanted) => self.dismiss(store, now),
            Ok(Nodes::FrontendGone) => self.leave(store, now, Reason::FrontendGone),
            Ok(Nodes::Frontend(state)) => self.step(store, sharing, now, state, connections),
            Err(error) => Err(error),
        };
        step.unwrap_or_else(|error| {
            self.try_again(now, &error);
            Outcome::Nothing
        })
    }

    fn read_nodes<X: Xenstore + ?Sized>(&self, store: &mut X) -> Result<Nodes, StoreError> {
        let own = match store.read(&self.backend_node(nodes::STATE)) {
            Ok(own) => own,
            Err(error) if error.is_out_of_sight() => return Ok(Nodes::Removed),
            Err(error) => return Err(error),
        };
        let asked = own == Closing.as_str() && !self.is_own(Closing);
        let unwanted = match store.read(&self.backend_node(nodes::ONLINE)) {
            Ok(online) => online == "0",
            Err(error) if asked || error.is_out_of_sight() => false,
            Err(error) => return Err(error),
        };
        if asked || unwanted {
            return Ok(Nodes::Unwanted);
        }
        match store.read(&self.frontend_node(nodes::STATE)) {
            Ok(state) => Ok(Nodes::Frontend(XenbusState::parse(&state))),
            Err(error) if error.is_out_of_sight() => Ok(Nodes::FrontendGone),
            Err(error) => Err(error),
        }
    }

    fn step<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
        frontend: Option<XenbusState>,
        connections: &mut Connections,
    ) -> Result<Outcome, StoreError> {
        if self.is_unwritten() {
            self.switch(store, self.written)?;
        }
        match (&self.phase, frontend) {
            (Phase::New, _) => self.open(store, now, now + INIT_WAIT_HOLD),
            (Phase::Waiting { from }, Some(Initialised | Connected)) => {
                let from = *from;
                if now < from {
                    self.due = from;
                    return Ok(Outcome::Nothing);
                }
                self.connect(store, sharing, now, connections)
            }
            (Phase::Connected(_), Some(Closing)) => Ok(self.answer_closing(store, now)),
            (Phase::Connected(_), Some(Closed | Initialising)) => {
                Ok(self.ended(store, now, Reason::FrontendClosed))
            }
            (Phase::Connected(_), Some(Initialised | Connected)) => Ok(self.reopened(store, now)),
            (Phase::Closing, Some(Closed | Initialising | Initialised | Connected))
            | (Phase::Broken(_), Some(Closed | Initialising)) => self.open_again(store, now),
            (Phase::Broken(published), Some(Initialised | Connected))
                if published.was_left(&self.frontend_dir, store) =>
            {
                self.open_again(store, now)
            }
            (Phase::Refused(_), _) => {
                self.follow_refused(store, sharing, now, frontend, connections);
                Ok(Outcome::Nothing)
            }
            _ => Ok(Outcome::Nothing),
        }
    }

    /// Offers the device to the frontend, which is connected at `from` at the earliest.
    fn open<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
        from: Duration,
    ) -> Result<Outcome, StoreError> {
        self.announce_protocol(store, now)?;
        self.switch(store, InitWait)?;
        self.opens.spend(now, OPENS);
        if matches!(self.phase, Phase::Broken(_)) {
            self.forget_message(store);
        }
        self.phase = Phase::Waiting { from };
        // The frontend may have been first.
        self.changed = true;
        Ok(Outcome::Nothing)
    }

    /// Of the nodes of a device only this one is made by us, so it is the one that xenstored refuses to
    /// a domain with too many. Frontends differ in whether they ask for it: the device goes on.
    fn announce_protocol<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Result<(), StoreError> {
        match store.write(&self.backend_node(nodes::PROTOCOL_V2), "1") {
            Err(error) if error.is_over_quota() => {
                let what = "without feature-protocol-v2, which Linux and mini-os ask for";
                self.say(now, log::Level::Warn, format_args!("{what}: {error}"));
                Ok(())
            }
            written => written,
        }
    }

    /// Offers the device anew, as soon as the pace of connections allows.
    fn open_again<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Result<Outcome, StoreError> {
        let from = self.opens.next(OPENS);
        if from > now {
            let wait = from - now;
            self.say(now, log::Level::Warn, format_args!("opens too often; waits {wait:?}"));
        }
        self.open(store, now, from)
    }

    /// The frontend is closing. It waits for our `Closing` (a Linux guest that shuts down does so
    /// for five seconds), and by then must find its page unmapped.
    fn answer_closing<X: Xenstore + ?Sized>(&mut self, store: &mut X, now: Duration) -> Outcome {
        self.phase = Phase::Closing;
        self.disconnected(now, Reason::FrontendClosed);
        self.changed = true;
        self.show(store, now, Closing);
        Outcome::Tell(Event::Disconnected(self.id, Reason::FrontendClosed))
    }

    /// The connection is over, and the device is offered anew.
    fn ended<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
        reason: Reason,
    ) -> Outcome {
        self.phase = Phase::Closing;
        self.disconnected(now, reason);
        if let Err(error) = self.open_again(store, now) {
            self.try_again(now, &error);
        }
        Outcome::Tell(Event::Disconnected(self.id, reason))
    }

    /// A frontend that closed and opened between two looks shows only by its other page or port.
    fn reopened<X: Xenstore + ?Sized>(&mut self, store: &mut X, now: Duration) -> Outcome {
        match &self.phase {
            Phase::Connected(link) if link.published.was_left(&self.frontend_dir, store) => {
                self.ended(store, now, Reason::FrontendReopened)
            }
            _ => Outcome::Nothing,
        }
    }
}
