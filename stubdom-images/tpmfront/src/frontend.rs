//! The frontend: what it watches and when it looks.

use crate::device::{Device, Phase};
use crate::event::Event;
use core::time::Duration;
use domain_io::{Clock, EventPort, PortNumber, Sharing, StoreError, WatchEvent, Xenstore};
use tpmif::nodes;

pub(crate) const OWN_TOKEN: &str = "tpmfront-own";
pub(crate) const BACKEND_TOKEN: &str = "tpmfront-backend";

/// How often the nodes are looked at without any event.
const SWEEP: Duration = Duration::from_secs(30);
/// How long such a look waits for xenstored: who is served by way of this device, or beside it, waits with it.
const SWEEP_LIMIT: Duration = Duration::from_millis(250);
/// When to try again after xenstore gave no usable answer.
const RETRY: Duration = Duration::from_secs(1);
/// How many steps one call of [`Frontend::poll`] takes: a handshake needs two.
const STEPS_PER_POLL: usize = 4;

/// The asking end of one vTPM device.
pub struct Frontend<S: Sharing> {
    pub(crate) device: Option<Device<S>>,
    pub(crate) changed: bool,
    due: Duration,
}

/// Whether a watch event belongs to a [`Frontend`], of which a domain has one.
#[must_use]
pub fn is_own(event: &WatchEvent) -> bool {
    event.token == OWN_TOKEN || event.token == BACKEND_TOKEN
}

impl<S: Sharing> Frontend<S> {
    /// Watches this domain's own vTPM devices; one that is already there is found by the first
    /// poll.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be watched.
    pub fn new<X: Xenstore + ?Sized>(store: &mut X) -> Result<Self, StoreError> {
        store.watch(nodes::FRONTEND_ROOT, OWN_TOKEN)?;
        Ok(Self { device: None, changed: true, due: Duration::ZERO })
    }

    /// Takes note of a watch event; `false` when it belongs to somebody else.
    pub fn notice(&mut self, event: &WatchEvent) -> bool {
        let ours = is_own(event);
        self.changed |= ours;
        ours
    }

    /// Does what is due and returns what the owner has to know next, or `None` when there is
    /// nothing to do before an event or [`next_deadline`](Self::next_deadline).
    pub fn poll<X, C>(&mut self, store: &mut X, sharing: &mut S, clock: &C) -> Option<Event>
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        let now = clock.now();
        for _ in 0..STEPS_PER_POLL {
            if let Some(event) = self.look_at_page(store) {
                self.hurry(now);
                return Some(event);
            }
            if !self.changed && now < self.due {
                return None;
            }
            if !self.changed && self.is_connected() && !store.answers_within(SWEEP_LIMIT) {
                self.due = now + RETRY;
                return None;
            }
            self.changed = false;
            self.due = now + SWEEP;
            let event = self.look_at_nodes(store, sharing).unwrap_or_else(|error| {
                log::debug!("vTPM frontend: xenstore: {error}; tried again soon");
                self.due = now + RETRY;
                None
            });
            self.hurry(now);
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// What could not be written is not left to the next sweep.
    fn hurry(&mut self, now: Duration) {
        if self.device.as_ref().is_some_and(|device| device.owed.is_some()) {
            self.due = self.due.min(now + RETRY);
        }
    }

    /// Whether commands can be sent.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.device.as_ref().is_some_and(|device| matches!(device.phase, Phase::Open(_)))
    }

    /// The backend's own directory in xenstore, as a full path: what the toolstack wrote there about
    /// the device can be read from it.
    #[must_use]
    pub fn backend_dir(&self) -> Option<&str> {
        self.device.as_ref().map(|device| device.backend_dir.as_str())
    }

    /// The port to wait on.
    #[must_use]
    pub fn port(&self) -> Option<PortNumber> {
        match &self.device.as_ref()?.phase {
            Phase::Offered(link) | Phase::Open(link) | Phase::Closing(link) => {
                Some(link.port.number())
            }
            Phase::Waiting | Phase::Closed | Phase::Shunned => None,
        }
    }

    /// When to poll again even if nothing happens; at once when this moment is past.
    #[must_use]
    pub fn next_deadline(&self) -> Duration {
        if self.changed { Duration::ZERO } else { self.due }
    }
}
