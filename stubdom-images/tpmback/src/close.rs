//! Ways in which a device ends.

use crate::backend::FRONTENDS_TOKEN;
use crate::device::{DISMISS_LIMIT, Device, Phase, REMOVE_DELAY};
use crate::event::{Event, Reason};
use crate::published::Published;
use crate::refused::Refusal;
use alloc::string::String;
use core::time::Duration;
use domain_io::{Sharing, StoreError, Xenstore};
use tpmif::{XenbusState, nodes};

/// What a look at a device came to.
pub(crate) enum Outcome {
    /// Nothing the owner needs to know.
    Nothing,
    /// The owner is to be told.
    Tell(Event),
    /// The device is no more.
    Gone,
}

impl<S: Sharing> Device<S> {
    /// Says why a connection ended.
    pub(crate) fn disconnected(&mut self, now: Duration, reason: Reason) {
        let level = match reason {
            Reason::Misbehaved(_) | Reason::OwnMistake => log::Level::Warn,
            _ => log::Level::Info,
        };
        self.say(now, level, format_args!("disconnected: {reason}"));
    }

    /// Closes the connection, if any, until the frontend has closed too or published another one. A failing xenstore does not
    /// keep the page mapped.
    pub(crate) fn turn_away<X: Xenstore + ?Sized>(&mut self, store: &mut X, why: &str) {
        let published = match &self.phase {
            Phase::Connected(link) => link.published,
            _ => Published::read(&self.frontend_dir, store),
        };
        self.phase = Phase::Broken(published);
        self.show_closed(store, why);
    }

    /// Shows the frontend and the toolstack that this device is closed, and why: `Closed`, and a
    /// message where xenbus drivers leave theirs, `error/<our end>/error`.
    pub(crate) fn show_closed<X: Xenstore + ?Sized>(&mut self, store: &mut X, why: &str) {
        self.changed = true;
        let told = store.write(&alloc::format!("{}/error", self.error_dir()), why);
        let closed = self.switch(store, XenbusState::Closed);
        if let Err(error) = told.and(closed) {
            log::debug!("{}: xenstore: {error}", self.id);
        }
    }

    /// Takes back the message of [`show_closed`](Self::show_closed).
    pub(crate) fn forget_message<X: Xenstore + ?Sized>(&self, store: &mut X) {
        let _ = store.remove(&self.error_dir());
    }

    fn error_dir(&self) -> String {
        alloc::format!("error/{}", self.backend_dir)
    }

    /// The toolstack wants the device gone. A frontend that is still open closes first: what its domain
    /// sends meanwhile would wait in a page that nobody looks at, for up to two minutes, and with it
    /// everything else that Linux's one thread for xenbus devices sees to.
    pub(crate) fn dismiss<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Result<Outcome, StoreError> {
        let is_open = self.frontend_is_open(store)?;
        match core::mem::replace(&mut self.phase, Phase::Closing) {
            Phase::Connected(mut link) if is_open => {
                link.fail_last(self.id);
                let until = now + DISMISS_LIMIT;
                self.due = until;
                self.phase = Phase::Dismissed { link, until };
                self.disconnected(now, Reason::DetachRequested);
                Ok(Outcome::Tell(Event::Disconnected(self.id, Reason::DetachRequested)))
            }
            Phase::Dismissed { link, until } if is_open && now < until => {
                self.due = until;
                self.phase = Phase::Dismissed { link, until };
                Ok(Outcome::Nothing)
            }
            phase => {
                self.phase = phase;
                self.leave(store, now, Reason::DetachRequested)
            }
        }
    }

    fn frontend_is_open<X: Xenstore + ?Sized>(&self, store: &mut X) -> Result<bool, StoreError> {
        match store.read(&self.frontend_node(nodes::STATE)) {
            Ok(state) => Ok(matches!(
                XenbusState::parse(&state),
                Some(XenbusState::Initialised | XenbusState::Connected)
            )),
            Err(error) if error.is_out_of_sight() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Closes for good and has the nodes removed after a while.
    pub(crate) fn leave<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
        reason: Reason,
    ) -> Result<Outcome, StoreError> {
        let at = match self.phase {
            Phase::Leaving { .. } => return Ok(Outcome::Nothing),
            _ => now + REMOVE_DELAY,
        };
        let mut before = core::mem::replace(&mut self.phase, Phase::Leaving { at });
        self.due = at;
        let was_connected = matches!(before, Phase::Connected(_));
        let was_told = matches!(before, Phase::Dismissed { .. });
        if let Phase::Connected(link)
        | Phase::Refused(Refusal::Answering(link))
        | Phase::Dismissed { link, .. } = &mut before
        {
            link.fail_last(self.id);
        }
        // Closes the port and unmaps the page before the other side is told that they are closed.
        drop(before);
        if !was_told {
            self.disconnected(now, reason);
        }
        if let Err(error) = self.switch(store, XenbusState::Closed) {
            self.say(now, log::Level::Warn, format_args!("xenstore: {error}"));
        }
        if was_connected {
            return Ok(Outcome::Tell(Event::Disconnected(self.id, reason)));
        }
        Ok(Outcome::Nothing)
    }

    /// Removes our end's nodes once the toolstack has had time to read `Closed`; leaves alone what
    /// it has created anew in the same place meanwhile.
    pub(crate) fn remove_when_due<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
        at: Duration,
    ) -> Outcome {
        if now < at {
            self.due = at;
            return Outcome::Nothing;
        }
        self.remove_nodes(store, now).unwrap_or_else(|error| {
            self.try_again(now, &error);
            Outcome::Nothing
        })
    }

    fn remove_nodes<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Result<Outcome, StoreError> {
        let state = match store.read(&self.backend_node(nodes::STATE)) {
            Err(error) if error.is_out_of_sight() => return Ok(Outcome::Gone),
            state => state?,
        };
        if state == XenbusState::Initialising.as_str() {
            return Ok(Outcome::Gone);
        }
        if self.is_unwritten() {
            // Nobody has read `Closed` yet.
            self.switch(store, self.written)?;
            self.due = now + REMOVE_DELAY;
            self.phase = Phase::Leaving { at: self.due };
            return Ok(Outcome::Nothing);
        }
        match store.remove(&self.backend_dir) {
            Err(StoreError::NoAnswer) => return Err(StoreError::NoAnswer),
            removed => {
                if let Err(error) = removed.and_then(|()| self.remove_empty_parent(store)) {
                    log::debug!("{}: xenstore: {error}", self.id);
                }
            }
        }
        Ok(Outcome::Gone)
    }

    /// The directory that holds all devices of one frontend usually belongs to domain 0 and stays;
    /// where it is ours, an empty one goes with its last device.
    fn remove_empty_parent<X: Xenstore + ?Sized>(&self, store: &mut X) -> Result<(), StoreError> {
        let parent = alloc::format!("{}/{}", nodes::BACKEND_ROOT, self.id.frontend);
        if store.list(&parent)?.is_empty() { store.remove(&parent) } else { Ok(()) }
    }

    /// Takes back what is kept in xenstore outside our end's directory.
    pub(crate) fn clean_up<X: Xenstore + ?Sized>(&self, store: &mut X) {
        self.forget_message(store);
        // One that was turned away leaves an empty directory otherwise, of which a frontend after the other makes many.
        let parent = alloc::format!("error/{}/{}", nodes::BACKEND_ROOT, self.id.frontend);
        if store.list(&parent).is_ok_and(|others| others.is_empty()) {
            let _ = store.remove(&parent);
        }
        if self.watched {
            let _ = store.unwatch(&self.frontend_node(nodes::STATE), FRONTENDS_TOKEN);
        }
    }
}
