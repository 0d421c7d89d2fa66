//! A single request that xenstored does not answer in time, at any moment of a device's life.

use super::*;
use crate::{Backend, DeviceId, Event, Limits};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeSharing, Hiccup, Unanswered, World, each_unanswered};
use domain_io::{DomainId, Xenstore};
use tpmif::peers::{Closing, Libxl, MiniOsFrontend, Waiting};

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
    fn new(frontends: usize, at: usize, fate: Unanswered) -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(DEVICE.frontend);
        let mut store = Hiccup::new(world.store(BACK));
        let backend = Backend::new(&mut store, Limits { frontends }).unwrap();
        store.after(at, fate);
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
    let requests = each_unanswered(|answered, fate| {
        let mut bench = Bench::new(frontends, answered, fate);
        (live(&mut bench), bench.store.is_pending())
    });
    assert!(requests > 5, "only {requests}");
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
