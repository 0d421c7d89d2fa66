//! The backend: which device gets the next turn.

use crate::arrivals::Arrivals;
use crate::close::Outcome;
use crate::device::{Device, Phase, SWEEP, SWEEP_UNWATCHED};
use crate::event::{Event, Reason};
use crate::pace::{Pace, Rate};
use crate::refused::Connections;
use alloc::collections::BTreeMap;
use core::ops::Bound;
use core::time::Duration;
use domain_io::{Clock, EventPort, PortNumber, Sharing, StoreError, WatchEvent, Xenstore};
use tpmif::nodes::{self, DeviceId};

/// How many watch events to fetch from xenstore before the next round of [`Backend::poll`]. A
/// frontend that writes its nodes in a loop then slows the others down, but does not stop them.
pub const WATCHES_PER_TURN: usize = 64;

/// How many devices' nodes are looked at before the pages' turn comes again: each look is a few round trips
/// to xenstored, which may be slow, and a command waits for this many of them at most.
const LOOKS_PER_POLL: usize = 4;

/// How many commands are given out before [`Backend::poll`] returns `None` once, so that an owner who
/// polls until then fetches watch events and looks at its other duties in between. A frontend that
/// has its next command ready at once would else keep it for ever.
const COMMANDS_PER_TURN: usize = 16;

/// Looks at all devices after more events than are told one by one.
const SWEEPS: Rate = Rate { every: Duration::from_secs(1), burst: 1 };

const DEVICES_TOKEN: &str = "tpmback-devices";
pub(crate) const FRONTENDS_TOKEN: &str = "tpmback-frontends";

/// What a backend is ready to carry.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many devices are accepted at a time; further ones are closed with a message. Each takes
    /// a mapped page and a port while it is connected; so do up to eight refused ones besides, while
    /// their frontends are told.
    pub frontends: usize,
}

/// The answering end of any number of devices.
///
/// Two watches serve them all: `backend/vtpm`, our own directory, in which the toolstack announces
/// and withdraws devices; and `/local/domain`, because xenstored shows a watcher below it exactly
/// the nodes it may read, which are the frontends' ends of our devices. Where the second is
/// refused, each frontend's `state` gets a watch of its own, and beyond the quota of watches a look
/// once a second.
pub struct Backend<S: Sharing> {
    pub(crate) devices: BTreeMap<DeviceId, Device<S>>,
    pub(crate) arrivals: Arrivals,
    pub(crate) limits: Limits,
    /// Whether one watch covers all frontends.
    pub(crate) wide: bool,
    /// Whether that watch has shown us a frontend's node.
    wide_proven: bool,
    connections: Connections,
    pub(crate) stopping: bool,
    /// Events of frontends were too many to be told one by one.
    overflowed: bool,
    sweeps: Pace,
    last_looked_at: Option<DeviceId>,
    pub(crate) last_served: Option<DeviceId>,
    commands_first: bool,
    commands_this_turn: usize,
}

impl<S: Sharing> Backend<S> {
    /// Sets the watches; devices that are already there are found by the first polls.
    ///
    /// # Errors
    /// [`StoreError`] when our own directory cannot be watched.
    pub fn new<X: Xenstore + ?Sized>(store: &mut X, limits: Limits) -> Result<Self, StoreError> {
        store.watch(nodes::BACKEND_ROOT, DEVICES_TOKEN)?;
        let wide = store.watch(nodes::DOMAINS, FRONTENDS_TOKEN);
        if let Err(error) = &wide {
            log::warn!("one watch for all frontends was refused ({error}); each gets its own");
        }
        Ok(Self {
            devices: BTreeMap::new(),
            arrivals: Arrivals::everything(),
            limits,
            wide: wide.is_ok(),
            wide_proven: false,
            connections: Connections::default(),
            stopping: false,
            overflowed: false,
            sweeps: Pace::default(),
            last_looked_at: None,
            last_served: None,
            commands_first: false,
            commands_this_turn: 0,
        })
    }

    /// Takes note of a watch event; `false` when it belongs to somebody else. Does nothing else:
    /// any number of events about one device cost one look at it.
    pub fn notice(&mut self, event: &WatchEvent) -> bool {
        match event.token.as_str() {
            DEVICES_TOKEN => self.notice_own(&event.path),
            FRONTENDS_TOKEN => self.notice_frontend(&event.path),
            _ => return false,
        }
        true
    }

    fn notice_own(&mut self, path: &str) {
        let known = DeviceId::of_backend_path(path);
        if let Some(device) = known.and_then(|id| self.devices.get_mut(&id)) {
            device.changed = true;
            return;
        }
        self.arrivals.note(path, known);
        for device in self.devices.values_mut().filter(|d| d.backend_dir.starts_with(path)) {
            device.changed = true;
        }
    }

    fn notice_frontend(&mut self, path: &str) {
        if let Some(id) = DeviceId::of_frontend_path(path) {
            self.wide_proven |= self.wide;
            if let Some(device) = self.devices.get_mut(&id) {
                device.changed = true;
            }
        } else if path == nodes::DOMAINS {
            self.overflowed = true;
        } else {
            // A directory above the device's: matters only when it is removed.
            for device in self.devices.values_mut().filter(|d| d.frontend_dir.starts_with(path)) {
                device.changed = true;
            }
        }
    }

    /// Does what is due and returns what the owner has to know next. `None` ends a turn: there is
    /// nothing to do before an event or [`next_deadline`](Self::next_deadline), or enough was done
    /// to look at watches and other duties first; the event or deadline is then there already.
    ///
    /// Devices take turns, and so do nodes and pages: neither a frontend that floods its nodes nor
    /// one that always has a next command keeps the others waiting for more than one turn each.
    pub fn poll<X, C>(&mut self, store: &mut X, sharing: &mut S, clock: &C) -> Option<Event>
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        let now = clock.now();
        self.sweep_when_due(now);
        for _ in 0..2 {
            self.commands_first = !self.commands_first;
            let event = if self.commands_first {
                self.serve_within_turn(store, now)
            } else {
                self.look_at_nodes(store, sharing, now)
            };
            if event.is_some() {
                return event;
            }
        }
        self.commands_this_turn = 0;
        None
    }

    /// Looks at everybody when it is not known whose nodes have changed: whoever floods its nodes delays the
    /// others' changes by a second.
    fn sweep_when_due(&mut self, now: Duration) {
        if self.overflowed && self.sweeps.try_spend(now, SWEEPS) {
            self.overflowed = false;
            for device in self.devices.values_mut() {
                device.changed = true;
            }
        }
    }

    /// Follows the devices that are there, for an owner who is busy with a command and must not keep
    /// a detach waiting: no command is taken and no new device is met, both stay for
    /// [`poll`](Self::poll). `None`: nothing before an event or [`next_follow`](Self::next_follow).
    pub fn follow<X, C>(&mut self, store: &mut X, sharing: &mut S, clock: &C) -> Option<Event>
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        let now = clock.now();
        self.sweep_when_due(now);
        self.look_at_devices(store, sharing, now)
    }

    fn serve_within_turn<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        now: Duration,
    ) -> Option<Event> {
        if self.commands_this_turn >= COMMANDS_PER_TURN {
            return None;
        }
        let event = self.serve(store, now);
        self.commands_this_turn += usize::from(matches!(event, Some(Event::Command(_))));
        event
    }

    fn look_at_nodes<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
    ) -> Option<Event> {
        if let Some(event) = self.meet_arrivals(store, now) {
            return Some(event);
        }
        self.look_at_devices(store, sharing, now)
    }

    fn look_at_devices<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
    ) -> Option<Event> {
        for _ in 0..LOOKS_PER_POLL {
            let id = self.next_to_look_at(now)?;
            self.last_looked_at = Some(id);
            if let Some(event) = self.look_at(id, store, sharing, now) {
                return Some(event);
            }
        }
        None
    }

    fn look_at<X: Xenstore + ?Sized>(
        &mut self,
        id: DeviceId,
        store: &mut X,
        sharing: &mut S,
        now: Duration,
    ) -> Option<Event> {
        self.connections.refused = self.refused_and_mapped();
        let covered = self.wide && self.wide_proven;
        let device = self.devices.get_mut(&id)?;
        device.sweep = if covered || device.watched { SWEEP } else { SWEEP_UNWATCHED };
        match device.look(store, sharing, now, &mut self.connections) {
            Outcome::Nothing => None,
            Outcome::Tell(event) => Some(event),
            Outcome::Gone => self.forget(id, store),
        }
    }

    fn refused_and_mapped(&self) -> usize {
        let refused = |d: &&Device<S>| matches!(d.phase, Phase::Refused(_)) && d.mapped().is_some();
        self.devices.values().filter(refused).count()
    }

    /// Drops a device that is gone; one created anew in its place is found as an arrival.
    fn forget<X: Xenstore + ?Sized>(&mut self, id: DeviceId, store: &mut X) -> Option<Event> {
        let device = self.devices.remove(&id)?;
        device.clean_up(store);
        self.arrivals.note(&device.backend_dir, Some(id));
        device.announced.then_some(Event::Removed(id))
    }

    fn next_to_look_at(&self, now: Duration) -> Option<DeviceId> {
        let wants = |(_, device): &(&DeviceId, &Device<S>)| device.wants_a_look(now);
        let from = self.last_looked_at.map_or(Bound::Unbounded, Bound::Excluded);
        let after = self.devices.range((from, Bound::Unbounded)).find(wants);
        after.or_else(|| self.devices.iter().find(wants)).map(|(id, _)| *id)
    }

    /// Closes a device with a message, for good: only the toolstack can bring it back, by removing
    /// and attaching it. Told of right after [`Event::Attached`], the device never reaches
    /// `InitWait`, and the attach fails at the toolstack, after its time limit; later, the frontend
    /// sees its device close. A frontend that sends commands all the same gets a TPM failure for
    /// each, without any [`Event`]. A ticket of this device's is void; its command has failed. Does
    /// nothing for a device that is already going.
    pub fn refuse<X: Xenstore + ?Sized>(&mut self, store: &mut X, id: DeviceId, why: &str) {
        if let Some(device) = self.devices.get_mut(&id)
            && !matches!(device.phase, Phase::Leaving { .. } | Phase::Dismissed { .. })
        {
            device.refuse(store, why);
        }
    }

    /// Closes everything and takes no new device; [`Event::Removed`] follows for each. Poll on until [`is_empty`](Self::is_empty), so
    /// that nodes are removed in a way the toolstack does not stumble over.
    pub fn shutdown<X, C>(&mut self, store: &mut X, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        self.stopping = true;
        for device in self.devices.values_mut() {
            let _ = device.leave(store, clock.now(), Reason::ShuttingDown);
        }
    }

    /// Whether no device is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// The ports to wait on: of all connected devices, and of refused ones that are given failures.
    pub fn ports(&self) -> impl Iterator<Item = PortNumber> + '_ {
        self.devices.values().filter_map(Device::mapped).map(|link| link.port.number())
    }

    /// The port of one connected device, by which Xen tells the security label of its other end.
    #[must_use]
    pub fn port(&self, id: DeviceId) -> Option<PortNumber> {
        match &self.devices.get(&id)?.phase {
            Phase::Connected(link) => Some(link.port.number()),
            _ => None,
        }
    }

    /// When to poll again even if nothing happens; at once when this moment is past.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.has_unlooked_page() {
            return Some(Duration::ZERO);
        }
        let arrivals = if self.stopping { None } else { self.arrivals.due() };
        self.next_follow().into_iter().chain(arrivals).min()
    }

    /// When to [`follow`](Self::follow) again even if nothing happens.
    #[must_use]
    pub fn next_follow(&self) -> Option<Duration> {
        let sweep = self.overflowed.then(|| self.sweeps.next(SWEEPS));
        self.devices.values().map(Device::next_look).chain(sweep).min()
    }
}
