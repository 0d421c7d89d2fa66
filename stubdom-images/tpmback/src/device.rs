//! One device: what is known of it and how far it is.

use crate::pace::{Pace, Rate};
use crate::published::Published;
use crate::refused::Refusal;
use alloc::string::String;
use core::fmt;
use core::time::Duration;
use domain_io::{Sharing, StoreError, Xenstore};
use tpmif::nodes::{self, DeviceId};
use tpmif::{BackendEnd, Reply, XenbusState};

/// How long a new device stays in `InitWait` at least. libxl waits until it reads exactly that
/// state; were it left sooner, libxl would wait out its ten seconds and fail the attach. Only an
/// attach to a running guest ever notices, as a delay of its first command.
pub const INIT_WAIT_HOLD: Duration = Duration::from_millis(1000);

/// How long a closed device's nodes are left in place. libxl fails when they vanish before it has
/// read `Closed`, and offers no sign that it has.
pub const REMOVE_DELAY: Duration = Duration::from_millis(300);

/// How long a frontend is waited for that is to be detached. Linux's takes as long as its driver needs to be
/// unbound; libxl waits ten seconds.
pub(crate) const DISMISS_LIMIT: Duration = Duration::from_secs(4);

/// How often a device is looked at without any event: covers a lost watch event, and a frontend
/// domain whose nodes vanish in a way that no watch of ours may see.
pub(crate) const SWEEP: Duration = Duration::from_secs(30);
/// The same for a device whose frontend is not, or perhaps not, watched.
pub(crate) const SWEEP_UNWATCHED: Duration = Duration::from_secs(1);
/// How long a look without an event waits for xenstored: guests are served between two looks.
pub(crate) const SWEEP_LIMIT: Duration = Duration::from_millis(250);
/// When to try again after xenstore gave no usable answer.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// Looks at one device's nodes, each a few round trips to xenstored: what a frontend that
/// flips its state in a loop can cost the others.
pub(crate) const LOOKS: Rate = Rate { every: Duration::from_millis(50), burst: 20 };
/// Connections of one device: a driver that is loaded in a loop.
pub(crate) const OPENS: Rate = Rate { every: Duration::from_secs(1), burst: 10 };
/// Lines that one device may cause in the log.
pub(crate) const LINES: Rate = Rate { every: Duration::from_secs(10), burst: 20 };

/// A device and its connection.
pub(crate) struct Device<S: Sharing> {
    pub(crate) id: DeviceId,
    pub(crate) backend_dir: String,
    pub(crate) frontend_dir: String,
    pub(crate) phase: Phase<S>,
    /// What we last wrote, or tried to write, to our `state` node.
    pub(crate) written: XenbusState,
    /// The last of those that xenstored has confirmed. What is neither in our `state` node is the toolstack's.
    confirmed: XenbusState,
    /// Whether the owner was told of this device.
    pub(crate) announced: bool,
    /// Whether this device has a watch of its own.
    pub(crate) watched: bool,
    pub(crate) sweep: Duration,
    /// A node has changed since the last look.
    pub(crate) changed: bool,
    /// When to look even if nothing changes.
    pub(crate) due: Duration,
    pub(crate) looks: Pace,
    pub(crate) opens: Pace,
    pub(crate) lines: Pace,
}

/// How far a device is.
pub(crate) enum Phase<S: Sharing> {
    /// The owner was told; unless it refuses, `InitWait` is next.
    New,
    /// `InitWait`: the frontend may open, but is not connected before this moment.
    Waiting { from: Duration },
    /// `Connected`.
    Connected(Link<S>),
    /// `Closing`, in answer to the frontend's; unmapped, waits for it to be closed.
    Closing,
    /// `Closed`, because the frontend could not be connected with what it had published, or broke the
    /// protocol there; it may mend that.
    Broken(Published),
    /// `Closed` for good: only the toolstack can bring the device back.
    Refused(Refusal<S>),
    /// To be removed; its frontend, which has until then to close, gets a failure for each command.
    Dismissed { link: Link<S>, until: Duration },
    /// `Closed`, its nodes to be removed at this moment.
    Leaving { at: Duration },
}

/// A connection: dropping it closes the port and unmaps the page.
pub(crate) struct Link<S: Sharing> {
    pub(crate) number: u64,
    pub(crate) published: Published,
    pub(crate) end: BackendEnd<S::Page>,
    pub(crate) port: S::Port,
    pub(crate) running: Option<Running>,
    /// Look at the page even without an event.
    pub(crate) look: bool,
}

/// A command that the owner has and has not answered.
pub(crate) struct Running {
    pub(crate) reply: Reply,
    pub(crate) tag: u16,
}

impl<S: Sharing> Device<S> {
    pub(crate) fn new(id: DeviceId, phase: Phase<S>, now: Duration) -> Self {
        Self {
            id,
            backend_dir: id.backend_dir(),
            frontend_dir: id.frontend_dir(),
            phase,
            written: XenbusState::Initialising,
            confirmed: XenbusState::Initialising,
            announced: false,
            watched: false,
            sweep: SWEEP,
            changed: true,
            due: now + SWEEP,
            looks: Pace::default(),
            opens: Pace::default(),
            lines: Pace::default(),
        }
    }

    /// Whether this device is to be looked at now.
    pub(crate) fn wants_a_look(&self, now: Duration) -> bool {
        self.next_look() <= now
    }

    /// When this device is to be looked at next.
    pub(crate) fn next_look(&self) -> Duration {
        if self.changed { self.looks.next(LOOKS).min(self.due) } else { self.due }
    }

    /// The mapped page and bound port, whether or not the owner knows of them.
    pub(crate) fn mapped(&self) -> Option<&Link<S>> {
        match &self.phase {
            Phase::Connected(link)
            | Phase::Refused(Refusal::Answering(link))
            | Phase::Dismissed { link, .. } => Some(link),
            _ => None,
        }
    }

    /// The connection that the owner was told of.
    pub(crate) fn link(&mut self) -> Option<&mut Link<S>> {
        if let Phase::Connected(link) = &mut self.phase { Some(link) } else { None }
    }

    pub(crate) fn backend_node(&self, name: &str) -> String {
        alloc::format!("{}/{name}", self.backend_dir)
    }

    pub(crate) fn frontend_node(&self, name: &str) -> String {
        alloc::format!("{}/{name}", self.frontend_dir)
    }

    /// Writes our `state` node. What gets no answer may have been done all the same.
    pub(crate) fn switch<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        to: XenbusState,
    ) -> Result<(), StoreError> {
        let done = store.write(&self.backend_node(nodes::STATE), to.as_str());
        self.written = to;
        if done.is_ok() {
            self.confirmed = to;
        }
        done
    }

    /// The same for a state that the device has already; what fails is tried again soon.
    pub(crate) fn show<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
        state: XenbusState,
    ) {
        if let Err(error) = self.switch(store, state) {
            self.try_again(now, &error);
        }
    }

    /// Whether our `state` node may hold something else than it must.
    pub(crate) fn is_unwritten(&self) -> bool {
        self.confirmed != self.written
    }

    /// Whether this state in our node would be of our own writing.
    pub(crate) fn is_own(&self, state: XenbusState) -> bool {
        [self.written, self.confirmed].contains(&state)
    }

    /// xenstore gave no usable answer.
    pub(crate) fn try_again(&mut self, now: Duration, error: &StoreError) {
        self.say(now, log::Level::Warn, format_args!("xenstore: {error}; tried again soon"));
        self.due = now + RETRY;
    }

    /// Writes a line about this device to the log, unless it has caused too many lately.
    pub(crate) fn say(&mut self, now: Duration, level: log::Level, what: fmt::Arguments<'_>) {
        if self.lines.try_spend(now, LINES) {
            log::log!(level, "{}: {what}", self.id);
        }
    }
}
