//! Carries requests from the backend to the manager, and answers back once they may leave.

use crate::labels::PeerLabels;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{BlockDevice, Clock, PortNumber, Sharing, StoreError, WatchEvent, Xenstore};
use tpm_wire::Tag;
use tpm_wire::manager::answer;
use tpm_wire::tpm12::TpmResult;
use tpmback::{Backend, Command, DeviceId, Event, Limits, Ticket};
use tpmif::nodes;
use vtpm_manager::{Manager, Outcome, Reply, RootError, RootKeeper};
use vtpm_store::Uuid;

/// How many devices are carried at a time. Each costs some two kilobytes while it is attached, and a
/// mapped page while it is connected.
pub const FRONTENDS: usize = 512;

/// Bytes of heap for a store of 20,000 vTPMs and [`FRONTENDS`] connected devices that all save at once. Two
/// to four times what `tests/heap.rs` measures: blocks of many sizes leave some unused between them, and the
/// image has rings, lines of its console and a driver besides.
pub const HEAP_NEEDED: usize = 2048 * 1024;

/// How many rounds of the backend are collected for one commit. Each brings at most sixteen
/// commands, so that nobody waits for longer than the requests of this many others.
const ROUNDS: usize = 4;

/// How many devices that come, go and change may be seen to before those who wait for a commit get it.
const CHANGES: usize = 32;

/// An answer that leaves once what it promises is durable.
struct Waiting {
    ticket: Ticket,
    uuid: Uuid,
    tag: Tag,
    answer: Vec<u8>,
}

/// A manager domain: the vTPMs of a host, and domain 0 with its commands.
pub struct ManagerDomain<D: BlockDevice, K, S: Sharing, L> {
    backend: Backend<S>,
    manager: Manager<D, K>,
    labels: L,
    waiting: Vec<Waiting>,
    /// Who has had a command in this turn.
    came: BTreeSet<DeviceId>,
    started: Duration,
    wants_end: bool,
}

impl<D, K, S, L> ManagerDomain<D, K, S, L>
where
    D: BlockDevice,
    K: RootKeeper,
    S: Sharing,
    L: PeerLabels,
{
    /// Begins to look for frontends.
    ///
    /// # Errors
    /// [`StoreError`] when xenstored does not let us watch our own backend directory.
    pub fn new<X: Xenstore + ?Sized>(
        store: &mut X,
        manager: Manager<D, K>,
        labels: L,
        now: Duration,
    ) -> Result<Self, StoreError> {
        let mut manager = manager;
        let backend = match Backend::new(store, Limits { frontends: FRONTENDS }) {
            Ok(backend) => backend,
            Err(why) => {
                if let (_, Err(fault)) = manager.rest(now) {
                    log::error!("the hardware TPM was not brought to rest: {fault}");
                }
                return Err(why);
            }
        };
        let (waiting, came, wants_end) = (Vec::new(), BTreeSet::new(), false);
        Ok(Self { backend, manager, labels, waiting, came, started: now, wants_end })
    }

    /// Takes note of a watch event; `false` when it belongs to somebody else.
    pub fn notice(&mut self, event: &WatchEvent) -> bool {
        if let Some(id) = DeviceId::of_image_path(&event.path) {
            self.manager.image_changed(id);
        }
        self.backend.notice(event) || self.manager.notice(event)
    }

    /// Does everything there is to do now: takes requests, makes durable what they ask for, answers.
    pub fn turn<X, C>(&mut self, store: &mut X, sharing: &mut S, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        self.came.clear();
        for _ in 0..ROUNDS {
            let before = self.waiting.len();
            if !self.round(store, sharing, clock) || self.waiting.len() == before {
                break;
            }
        }
        self.keep_and_answer(clock.now());
    }

    /// One round of the backend; `false` when it is time to commit although there is more to do: when
    /// somebody came a second time, or much else has changed. So whoever waits for the commit waits for
    /// one command of each other device and no more, however quickly the next one is there and however
    /// slow the hardware TPM.
    fn round<X, C>(&mut self, store: &mut X, sharing: &mut S, clock: &C) -> bool
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        let mut changes = 0;
        while let Some(event) = self.backend.poll(store, sharing, clock) {
            let again = match &event {
                Event::Command(command) => !self.came.insert(command.id),
                _ => {
                    changes += 1;
                    changes >= CHANGES && !self.waiting.is_empty()
                }
            };
            self.handle(store, event, clock.now());
            if again {
                return false;
            }
        }
        true
    }

    /// The ports to wait on.
    pub fn ports(&self) -> impl Iterator<Item = PortNumber> + '_ {
        self.backend.ports()
    }

    /// When the next turn is due even if nothing happens.
    #[must_use]
    pub fn next_deadline(&mut self, now: Duration) -> Option<Duration> {
        let counter = self.manager.next_deadline(now);
        self.backend.next_deadline().into_iter().chain(counter).min()
    }

    /// Whether domain 0 has commanded the manager to end.
    #[must_use]
    pub const fn wants_end(&self) -> bool {
        self.wants_end
    }

    /// Whether its disk was lost, and with it all that it could do in this life.
    #[must_use]
    pub fn has_lost_disk(&self) -> bool {
        self.manager.has_lost_disk()
    }

    /// Why nobody is served, when the store waits for its recovery key.
    #[must_use]
    pub const fn locked(&self) -> Option<&RootError> {
        self.manager.locked()
    }

    /// Begins to stop: everything is made durable, the hardware TPM is brought to rest, and every
    /// device closes. Turns go on until [`is_stopped`](Self::is_stopped).
    pub fn shutdown<X, C>(&mut self, store: &mut X, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        self.rest(clock.now());
        self.backend.shutdown(store, clock);
    }

    /// Whether every device is gone.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.backend.is_empty()
    }

    fn handle<X: Xenstore + ?Sized>(&mut self, store: &mut X, event: Event, now: Duration) {
        match event {
            Event::Attached { id, uuid } => {
                let admitted = self.manager.attached(id, Uuid(uuid.0), |other| lives(store, other));
                if let Err(why) = admitted {
                    log::warn!("{id} is not served: {why}");
                    self.backend.refuse(store, id, &why.to_string());
                }
            }
            Event::Connected(id) => self.connected(store, id),
            // The session lasts as long as the device: the frontend may open again.
            Event::Disconnected(..) => {}
            Event::Removed(id) => self.manager.gone(id),
            Event::Command(command) => self.take(store, command, now),
        }
    }

    /// A domain whose label exists and cannot be read is not served: it could be anybody.
    fn connected<X: Xenstore + ?Sized>(&mut self, store: &mut X, id: DeviceId) {
        let port = self.backend.port(id);
        match port.map_or(Ok(None), |port| self.labels.label(port)) {
            Ok(label) => self.manager.connected(id, label.as_deref()),
            Err(errno) => {
                let why = format!("its security label cannot be read (errno {errno})");
                log::warn!("{id} is not served: {why}");
                self.backend.refuse(store, id, &why);
            }
        }
    }

    fn take<X: Xenstore + ?Sized>(&mut self, store: &mut X, command: Command, now: Duration) {
        let Command { id, ticket, bytes, .. } = command;
        if self.manager.wants_image(id, &bytes) {
            let named = store.read(&format!("{}/{}", id.backend_dir(), nodes::IMAGE));
            self.manager.image_named(id, named.ok().as_deref());
        }
        let uptime = now.saturating_sub(self.started);
        match self.manager.request(id, &bytes, uptime) {
            Reply::Now(answer) => self.answer(ticket, &answer),
            Reply::AfterCommit { uuid, tag, answer } => {
                self.waiting.push(Waiting { ticket, uuid, tag, answer });
            }
            Reply::End(answer) => {
                let answer = self.rest(now).unwrap_or(answer);
                self.answer(ticket, &answer);
                self.wants_end = true;
            }
        }
    }

    /// One write of the store for everything that waits, then the answers; or neither yet.
    fn keep_and_answer(&mut self, now: Duration) {
        let outcome = self.manager.commit(now);
        if outcome.waits {
            return;
        }
        self.answer_waiting(&outcome);
    }

    fn answer_waiting(&mut self, outcome: &Outcome) {
        for Waiting { ticket, uuid, tag, answer } in core::mem::take(&mut self.waiting) {
            match outcome.of(uuid) {
                Ok(()) => self.answer(ticket, &answer),
                Err(fault) => self.answer(ticket, &Manager::<D, K>::failure(tag, fault)),
            }
        }
    }

    /// Returns what whoever commanded the end is to be told in place of success.
    fn rest(&mut self, now: Duration) -> Option<Vec<u8>> {
        let (outcome, rested) = self.manager.rest(now);
        self.answer_waiting(&outcome);
        let mut told = None;
        if let Err(fault) = rested {
            let why = format!("the hardware TPM was not brought to rest: {fault}");
            log::error!("{why}");
            told = Some(answer(Tag::VTPM_RSP2, TpmResult::FAIL, why.as_bytes()));
        }
        if let Some(fault) = outcome.fault() {
            let why = format!(
                "the manager ends, and its last saves are not all kept, or can be put back unseen: \
                 {fault}"
            );
            log::error!("{why}");
            told = Some(answer(Tag::VTPM_RSP2, fault.status(), why.as_bytes()));
        }
        told
    }

    fn answer(&mut self, ticket: Ticket, answer: &[u8]) {
        if let Err(lost) = self.backend.respond(ticket, answer) {
            log::debug!("an answer: {lost}");
        }
    }
}

/// Whether a device is still there: the toolstack has not withdrawn it, its domain exists, and so
/// does its end of the device. In doubt it is: its uuid would be given to another.
fn lives<X: Xenstore + ?Sized>(store: &mut X, id: DeviceId) -> bool {
    let mut is = |node: &str, there: fn(&str) -> bool| match store.read(node) {
        Ok(value) => there(&value),
        Err(error) => !error.is_out_of_sight(),
    };
    is(&format!("{}/{}", id.backend_dir(), nodes::ONLINE), |online| online != "0")
        && is(&format!("{}/{}", id.frontend_dir(), nodes::STATE), |_| true)
        && store.is_introduced(id.frontend).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::lives;
    use domain_io::test_utils::{Hiccup, Unanswered, World};
    use domain_io::{DomainId, Xenstore};
    use tpmback::DeviceId;
    use tpmif::peers::Libxl;

    const MANAGER: DomainId = DomainId(1);
    const DEVICE: DeviceId = DeviceId { frontend: DomainId(5), device: 0 };

    /// A manager's connection, and a device of a domain that lives.
    fn bench() -> (World, Hiccup) {
        let world = World::new();
        world.add_domain(MANAGER);
        world.add_domain(DEVICE.frontend);
        Libxl::new(&world).attach(MANAGER, DEVICE);
        let store = Hiccup::new(world.store(MANAGER));
        (world, store)
    }

    #[test]
    fn a_device_whose_nodes_cannot_be_read_counts_as_there() {
        for fate in [Unanswered::Lost, Unanswered::CarriedOut] {
            for at in 0..3 {
                let (_world, mut store) = bench();
                store.after(at, fate);
                assert!(lives(&mut store, DEVICE), "request {at}");
                assert!(!store.is_pending());
            }
        }
    }

    #[test]
    fn a_device_that_was_withdrawn_or_has_lost_an_end_or_its_domain_does_not() {
        let online = alloc::format!("{}/online", Libxl::backend_dir(MANAGER, DEVICE));
        let gone = |change: &dyn Fn(&World)| {
            let (world, mut store) = bench();
            assert!(lives(&mut store, DEVICE));
            change(&world);
            assert!(!lives(&mut store, DEVICE));
        };
        gone(&|world| world.store(DomainId(0)).write(&online, "0").unwrap());
        gone(&|world| world.store(DomainId(0)).remove(&online).unwrap());
        gone(&|world| world.store(DomainId(0)).remove(&DEVICE.frontend_dir()).unwrap());
        gone(&|world| world.store(DomainId(0)).remove("/local/domain/5").unwrap());
    }
}
