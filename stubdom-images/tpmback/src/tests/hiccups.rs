//! A single request that xenstored does not answer in time, at any moment of a device's life. Whether it was carried
//! out is not known.

use super::*;
use crate::{Backend, DeviceId, Event, Limits};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeSharing, FakeStore, World};
use domain_io::{DomainId, StoreError, WatchEvent, Xenstore};
use tpmif::peers::{Closing, Libxl, MiniOsFrontend, Waiting};

/// What becomes of the one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is lost.
    Lost,
    /// It is carried out, and its answer lost.
    CarriedOut,
}

/// A connection on which one request gets no answer.
struct Hiccup {
    store: FakeStore,
    left: usize,
    fate: Fate,
}

impl Hiccup {
    fn ask<T>(
        &mut self,
        request: impl FnOnce(&mut FakeStore) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (left, over) = self.left.overflowing_sub(1);
        self.left = if over { 0 } else { left };
        let is_it = !over && left == 0;
        if is_it && self.fate == Fate::Lost {
            return Err(StoreError::NoAnswer);
        }
        let answer = request(&mut self.store);
        if is_it { Err(StoreError::NoAnswer) } else { answer }
    }
}

impl Xenstore for Hiccup {
    fn read(&mut self, path: &str) -> Result<String, StoreError> {
        self.ask(|store| store.read(path))
    }

    fn write(&mut self, path: &str, value: &str) -> Result<(), StoreError> {
        self.ask(|store| store.write(path, value))
    }

    fn remove(&mut self, path: &str) -> Result<(), StoreError> {
        self.ask(|store| store.remove(path))
    }

    fn list(&mut self, path: &str) -> Result<Vec<String>, StoreError> {
        self.ask(|store| store.list(path))
    }

    fn watch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.ask(|store| store.watch(path, token))
    }

    fn unwatch(&mut self, path: &str, token: &str) -> Result<(), StoreError> {
        self.ask(|store| store.unwatch(path, token))
    }

    fn is_introduced(&mut self, domain: DomainId) -> Result<bool, StoreError> {
        self.ask(|store| store.is_introduced(domain))
    }

    fn next_event(&mut self) -> Option<WatchEvent> {
        self.store.next_event()
    }
}

/// A backend over such a connection, and one device.
struct Bench {
    world: World,
    store: Hiccup,
    sharing: FakeSharing,
    backend: Backend<FakeSharing>,
    notes: Vec<String>,
}

const DEVICE: DeviceId = DeviceId { frontend: DomainId(5), device: 0 };

impl Bench {
    /// The request after so many others has this fate.
    fn new(frontends: usize, at: usize, fate: Fate) -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(DEVICE.frontend);
        let mut store = Hiccup { store: world.store(BACK), left: 0, fate };
        let backend = Backend::new(&mut store, Limits { frontends }).unwrap();
        store.left = at + 1;
        Self { store, sharing: world.sharing(BACK), backend, notes: Vec::new(), world }
    }

    fn tick(&mut self) {
        let clock = self.world.clock();
        clock.advance(Duration::from_millis(50));
        while let Some(event) = self.store.next_event() {
            self.backend.notice(&event);
        }
        while let Some(event) = self.backend.poll(&mut self.store, &mut self.sharing, &clock) {
            self.notes.push(match event {
                Event::Attached { .. } => "attached".into(),
                Event::Connected(_) => "connected".into(),
                Event::Disconnected(..) => "disconnected".into(),
                Event::Removed(_) => "removed".into(),
                Event::Command(command) => {
                    self.backend.respond(command.ticket, &command.bytes).unwrap();
                    continue;
                }
            });
        }
    }

    /// Ticks for at most a while until it is so.
    fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) -> Result<(), String> {
        for _ in 0..200 {
            if so(self) {
                return Ok(());
            }
            self.tick();
        }
        Err(alloc::format!("never {what}: {:?}", self.notes))
    }

    /// A device that is opened, used and closed twice, and detached.
    fn live(&mut self) -> Result<(), String> {
        let mut libxl = Libxl::new(&self.world);
        let mut wait = libxl.attach(BACK, DEVICE);
        self.until("attached", |_| wait.poll() == Waiting::Reached)?;
        let mut front = MiniOsFrontend::new(&self.world, BACK, DEVICE);
        for _ in 0..2 {
            front.open();
            self.until("open", |_| front.is_open())?;
            front.raw.submit(&command(14));
            self.until("answered", |_| front.raw.page_state() == 2)?;
            front.begin_close();
            self.until("closed", |_| front.go_on_closing() == Closing::Done)?;
        }
        let mut wait = libxl.detach(BACK, DEVICE);
        self.until("detached", |_| wait.poll() == Waiting::Reached)?;
        self.until("removed", |bench| bench.backend.is_empty())?;
        let told =
            ["attached", "connected", "disconnected", "connected", "disconnected", "removed"];
        if self.notes != told {
            return Err(alloc::format!("{:?}", self.notes));
        }
        Ok(())
    }
}

/// Has each request of a device's life fail, one life after the other.
fn each(frontends: usize, live: impl Fn(&mut Bench) -> Result<(), String>) {
    let mut failures = Vec::new();
    for fate in [Fate::Lost, Fate::CarriedOut] {
        for at in 0.. {
            let mut bench = Bench::new(frontends, at, fate);
            if let Err(why) = live(&mut bench) {
                failures.push(alloc::format!("request {at} {fate:?}: {why}"));
            }
            if bench.store.left > 0 {
                assert!(at > 5, "only {at} requests");
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn one_request_without_an_answer_keeps_nobody_from_opening_closing_and_going() {
    each(1, Bench::live);
}

#[test]
fn one_request_without_an_answer_does_not_hide_a_refusal() {
    each(0, |bench| {
        let mut libxl = Libxl::new(&bench.world);
        let _never = libxl.attach(BACK, DEVICE);
        let mut front = MiniOsFrontend::new(&bench.world, BACK, DEVICE);
        bench.until("refused", |_| front.raw.backend_state() == "6")?;
        front.open();
        front.raw.submit(&command(14));
        bench.until("told so", |_| front.raw.page_state() == 2)?;
        let mut wait = libxl.detach(BACK, DEVICE);
        bench.until("detached", |_| wait.poll() == Waiting::Reached)?;
        bench.until("removed", |bench| bench.backend.is_empty())
    });
}
