//! The backend of a vTPM domain, for two: the domain's own turns, and a command that has to wait.

use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;
use core::time::Duration;
use domain_io::{Clock, PortNumber, Sharing, StoreError, WatchEvent, Xenstore};
use tpmback::{Backend, DeviceId, Event, Limits, NotAnswered, Ticket, WATCHES_PER_TURN};

/// How many devices the backend carries at once. One is served; the others are there to be told why
/// they are not, and to be on their way out while the next guest comes in.
pub const FRONTENDS: usize = 8;

/// What is set aside at the most; after that devices are followed when the command is over.
const KEPT_EVENTS: usize = 256;

/// The backend, and what happened at it while a command waited. Clones are the same desk.
///
/// A command may wait for the manager for a long time, and nothing else is executed meanwhile; but
/// the toolstack waits ten seconds at the most for a device to close. So whoever waits calls
/// [`meanwhile`](Self::meanwhile), and the vTPM hears of it in its next turn.
pub struct Desk<S: Sharing> {
    inner: Rc<RefCell<Inner<S>>>,
}

struct Inner<S: Sharing> {
    backend: Backend<S>,
    aside: VecDeque<Event>,
}

impl<S: Sharing> Clone for Desk<S> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

impl<S: Sharing> fmt::Debug for Desk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl<S: Sharing> Desk<S> {
    /// Watches our own backend directory; nobody is met before the first poll.
    ///
    /// # Errors
    /// [`StoreError`] when xenstored does not let us.
    pub fn open<X: Xenstore + ?Sized>(store: &mut X) -> Result<Self, StoreError> {
        let backend = Backend::new(store, Limits { frontends: FRONTENDS })?;
        Ok(Self { inner: Rc::new(RefCell::new(Inner { backend, aside: VecDeque::new() })) })
    }

    /// Lets devices close and go while a command waits. New devices and further commands stay for
    /// the turn after it.
    pub fn meanwhile<X, C>(&self, store: &mut X, sharing: &mut S, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        let Inner { backend, aside } = &mut *self.inner.borrow_mut();
        for _ in 0..WATCHES_PER_TURN {
            let Some(event) = store.next_event() else { break };
            backend.notice(&event);
        }
        while aside.len() < KEPT_EVENTS {
            let Some(event) = backend.follow(store, sharing, clock) else { break };
            aside.push_back(event);
        }
    }

    /// When [`meanwhile`](Self::meanwhile) is due even if nothing happens.
    #[must_use]
    pub fn next_meanwhile(&self) -> Option<Duration> {
        let inner = self.inner.borrow();
        if inner.aside.len() < KEPT_EVENTS { inner.backend.next_follow() } else { None }
    }

    pub(crate) fn poll<X, C>(&self, store: &mut X, sharing: &mut S, clock: &C) -> Option<Event>
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        let Inner { backend, aside } = &mut *self.inner.borrow_mut();
        aside.pop_front().or_else(|| backend.poll(store, sharing, clock))
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let inner = self.inner.borrow();
        if inner.aside.is_empty() { inner.backend.next_deadline() } else { Some(Duration::ZERO) }
    }

    pub(crate) fn notice(&self, event: &WatchEvent) -> bool {
        self.inner.borrow_mut().backend.notice(event)
    }

    pub(crate) fn shutdown<X, C>(&self, store: &mut X, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        self.inner.borrow_mut().backend.shutdown(store, clock);
    }

    pub(crate) fn refuse<X: Xenstore + ?Sized>(&self, store: &mut X, id: DeviceId, why: &str) {
        self.inner.borrow_mut().backend.refuse(store, id, why);
    }

    pub(crate) fn respond(&self, ticket: Ticket, response: &[u8]) -> Result<(), NotAnswered> {
        self.inner.borrow_mut().backend.respond(ticket, response)
    }

    pub(crate) fn fail(&self, ticket: Ticket) -> Result<(), NotAnswered> {
        self.inner.borrow_mut().backend.fail(ticket)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.inner.borrow().backend.is_empty()
    }

    /// The ports of all devices.
    pub(crate) fn ports(&self, into: &mut alloc::vec::Vec<PortNumber>) {
        into.extend(self.inner.borrow().backend.ports());
    }
}
