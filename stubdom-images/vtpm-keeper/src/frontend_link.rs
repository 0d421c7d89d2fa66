//! The way to the manager over a shared page.

use crate::link::{Connection, LinkError, ManagerLink};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::time::Duration;
use domain_io::{Clock, PortNumber, Sharing, StoreError, Xenstore};
use tpmfront::{Event, Frontend};
use tpmif::{Uuid, nodes};

/// How long a domain that is asked to stop still waits for a manager that is there. One that is not
/// there is not waited for.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// When the whole machine stood still, the time is over before the manager could run at all: so often, and
/// so long each time, its answer is still waited for.
const LAST_CHANCES: usize = 4;
const LAST_CHANCE: Duration = Duration::from_millis(250);

/// How long a connection is waited for without a word about it.
const QUIET: Duration = Duration::from_secs(2);

/// How long until xenstored is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// Why there is no uuid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UuidError {
    /// The device has none.
    Absent,
    /// This is written where it belongs.
    NotOne(String),
    /// xenstored does not say.
    Store(StoreError),
    /// There is no device, or the domain was asked to stop.
    Link(LinkError),
}

/// What waiting for the manager needs of the domain.
pub trait LinkHost: Clock {
    /// Sleeps until the port or xenstore has something new, or until the moment; may return earlier.
    fn wait(&self, port: Option<PortNumber>, until: Duration);

    /// Does what the domain's peers must not be kept waiting for. Called before each sleep.
    fn meanwhile(&mut self) -> Meanwhile {
        Meanwhile::GoOn
    }
}

/// What to make of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// It may last.
    GoOn,
    /// The domain is asked to stop.
    Stop,
}

/// A [`ManagerLink`] by this domain's own vTPM device, whatever its number. Clones are the same link:
/// one belongs to the keeper, which waits for answers, another to the domain's main loop, which calls
/// [`turn`](Self::turn) so that detach and attach are followed while nothing is asked.
pub struct FrontendLink<X, S: Sharing, H> {
    inner: Rc<RefCell<Inner<X, S, H>>>,
}

impl<X, S: Sharing, H> Clone for FrontendLink<X, S, H> {
    fn clone(&self) -> Self {
        Self { inner: Rc::clone(&self.inner) }
    }
}

struct Inner<X, S: Sharing, H> {
    frontend: Frontend<S>,
    store: X,
    sharing: S,
    host: H,
    /// Connections so far; the present one has this number.
    connections: u64,
    /// The answer, while one is waited for.
    answer: Option<Answer>,
    closed: bool,
    /// Set once the domain is asked to stop: until then an answer is still waited for.
    stop_at: Option<Duration>,
}

enum Answer {
    Packet(Vec<u8>),
    Aborted,
}

impl<X: Xenstore, S: Sharing, H: LinkHost> FrontendLink<X, S, H> {
    /// Begins to look for the device.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be watched.
    pub fn new(mut store: X, sharing: S, host: H) -> Result<Self, StoreError> {
        let frontend = Frontend::new(&mut store)?;
        let (connections, answer, closed, stop_at) = (0, None, false, None);
        let inner = Inner { frontend, store, sharing, host, connections, answer, closed, stop_at };
        Ok(Self { inner: Rc::new(RefCell::new(inner)) })
    }

    /// The uuid that the toolstack wrote for the device, whose connection is waited for until that
    /// moment. An xenstored that gives no answer is asked again.
    ///
    /// # Errors
    /// [`UuidError`]
    pub fn uuid(&self, until: Duration) -> Result<Uuid, UuidError> {
        let inner = &mut *self.inner.borrow_mut();
        let path = |inner: &mut Inner<X, S, H>| {
            inner.frontend.backend_dir().map(|dir| alloc::format!("{dir}/{}", nodes::UUID))
        };
        loop {
            let path = inner.wait_for(until, path).map_err(UuidError::Link)?;
            match inner.store.read(&path) {
                Ok(text) => return Uuid::parse(&text).ok_or(UuidError::NotOne(text)),
                Err(error) if error.is_absent() => return Err(UuidError::Absent),
                Err(error) if inner.host.now() >= until => return Err(UuidError::Store(error)),
                Err(error) => log::warn!("{path} cannot be read: {error}; tried again"),
            }
            let soon = inner.host.now().saturating_add(AGAIN).min(until);
            if let Err(LinkError::Stopping) = inner.wait_for(soon, |_| None::<()>) {
                return Err(UuidError::Link(LinkError::Stopping));
            }
        }
    }

    /// Does everything there is to do now.
    pub fn turn(&self) {
        self.inner.borrow_mut().turn();
    }

    /// The port to wait on.
    #[must_use]
    pub fn port(&self) -> Option<PortNumber> {
        self.inner.borrow().frontend.port()
    }

    /// When the next turn is due even if nothing happens.
    #[must_use]
    pub fn next_deadline(&self) -> Duration {
        self.inner.borrow().frontend.next_deadline()
    }

    /// Closes the device in good order; returns when the manager has let go, or at the moment.
    pub fn close(&self, until: Duration) {
        let inner = &mut *self.inner.borrow_mut();
        if !inner.frontend.is_connected() || inner.frontend.close(&mut inner.store).is_err() {
            return;
        }
        loop {
            inner.turn();
            if inner.closed || inner.host.now() >= until {
                return;
            }
            // The domain is stopping already.
            let _ = inner.host.meanwhile();
            inner.sleep(until);
        }
    }
}

impl<X: Xenstore, S: Sharing, H: LinkHost> Inner<X, S, H> {
    fn turn(&mut self) {
        while let Some(event) = self.store.next_event() {
            self.frontend.notice(&event);
        }
        while let Some(event) = self.frontend.poll(&mut self.store, &mut self.sharing, &self.host) {
            match event {
                Event::Connected { device, backend } => {
                    self.connections += 1;
                    log::info!("connected to the manager, domain {backend}, by device {device}");
                }
                Event::Disconnected(reason) => log::warn!("the manager: {reason}"),
                Event::Answer(packet) => self.answer = Some(Answer::Packet(packet)),
                Event::Aborted => self.answer = Some(Answer::Aborted),
                Event::Closed => self.closed = true,
            }
        }
    }

    /// Turns until `look` finds something.
    fn wait_for<T>(
        &mut self,
        until: Duration,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, LinkError> {
        loop {
            self.turn();
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if self.host.meanwhile() == Meanwhile::Stop && self.is_last_patience_over() {
                return Err(LinkError::Stopping);
            }
            if self.host.now() >= until {
                return Err(LinkError::TimedOut);
            }
            self.sleep(until);
        }
    }

    /// As [`wait_for`](Self::wait_for), for what the manager does.
    fn wait_for_peer<T>(
        &mut self,
        until: Duration,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, LinkError> {
        let mut found = self.wait_for(until, &mut look);
        for _ in 0..LAST_CHANCES {
            if !matches!(found, Err(LinkError::TimedOut)) {
                break;
            }
            let until = self.host.now().saturating_add(LAST_CHANCE);
            found = self.wait_for(until, &mut look);
        }
        found
    }

    fn is_last_patience_over(&mut self) -> bool {
        let now = self.host.now();
        let stop_at = *self.stop_at.get_or_insert(now.saturating_add(LAST_PATIENCE));
        !self.frontend.is_connected() || now >= stop_at
    }

    fn sleep(&self, until: Duration) {
        let until = self.stop_at.map_or(until, |stop_at| until.min(stop_at));
        self.host.wait(self.frontend.port(), until.min(self.frontend.next_deadline()));
    }

    fn is(&self, connection: Connection) -> bool {
        self.frontend.is_connected() && connection == Connection(self.connections)
    }
}

impl<X: Xenstore, S: Sharing, H: LinkHost> ManagerLink for FrontendLink<X, S, H> {
    fn now(&self) -> Duration {
        self.inner.borrow().host.now()
    }

    fn connect(&mut self, until: Duration) -> Result<Connection, LinkError> {
        let connected =
            |inner: &mut Inner<X, S, H>| inner.frontend.is_connected().then_some(inner.connections);
        let inner = &mut *self.inner.borrow_mut();
        let soon = inner.host.now().saturating_add(QUIET).min(until);
        let found = match inner.wait_for(soon, connected) {
            Err(LinkError::TimedOut) if soon < until => {
                log::warn!("waiting for the manager, to whom there is no connection");
                inner.wait_for(until, connected)
            }
            found => found,
        };
        found.map(Connection)
    }

    fn exchange(
        &mut self,
        connection: Connection,
        packet: &[u8],
        until: Duration,
    ) -> Result<Vec<u8>, LinkError> {
        let inner = &mut *self.inner.borrow_mut();
        inner.turn();
        inner.answer = None;
        // A page that still holds an earlier, cancelled request does not take another.
        if !inner.is(connection) || inner.frontend.submit(0, packet).is_err() {
            return Err(LinkError::Lost);
        }
        let answered = inner.wait_for_peer(until, |inner| match inner.answer.take() {
            Some(Answer::Packet(packet)) => Some(Ok(packet)),
            Some(Answer::Aborted) => Some(Err(LinkError::Lost)),
            None => (!inner.is(connection)).then_some(Err(LinkError::Lost)),
        });
        answered.unwrap_or_else(|over| {
            inner.frontend.cancel();
            Err(over)
        })
    }

    fn pause(&mut self, until: Duration) -> Result<(), LinkError> {
        match self.inner.borrow_mut().wait_for(until, |_| None::<()>) {
            Err(LinkError::TimedOut) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
#[path = "frontend_link_tests.rs"]
mod tests;
