//! A single request that xenstored does not answer in time, at any moment of a connection's life.

use super::behind::Behind;
use super::{BACK, FRONT, packet};
use crate::{Event, Frontend};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeSharing, Hiccup, Unanswered, World, each_unanswered};
use domain_io::{StoreError, Xenstore};
use tpmif::nodes::DeviceId;
use tpmif::peers::{Libxl, Waiting};

/// Our frontend over such a connection, and our backend over a good one.
struct Bench {
    world: World,
    back: Behind,
    store: Hiccup,
    sharing: FakeSharing,
    frontend: Frontend<FakeSharing>,
    events: Vec<Event>,
}

impl Bench {
    fn new(at: usize, fate: Unanswered) -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(FRONT);
        let back = Behind::new(&world, BACK);
        let mut store = Hiccup::new(world.store(FRONT));
        let frontend = Frontend::new(&mut store).unwrap();
        store.after(at, fate);
        let sharing = world.sharing(FRONT);
        Self { world, back, store, sharing, frontend, events: Vec::new() }
    }

    fn tick(&mut self) {
        let clock = self.world.clock();
        clock.advance(Duration::from_millis(50));
        self.back.serve(&clock);
        while let Some(event) = self.store.next_event() {
            self.frontend.notice(&event);
        }
        while let Some(event) = self.frontend.poll(&mut self.store, &mut self.sharing, &clock) {
            self.events.push(event);
        }
    }

    fn until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) -> Result<(), String> {
        for _ in 0..200 {
            if so(self) {
                return Ok(());
            }
            self.tick();
        }
        Err(alloc::format!("never {what}: {:?}", self.events))
    }

    fn use_it(&mut self) -> Result<(), String> {
        self.until("connected", |bench| bench.frontend.is_connected())?;
        self.frontend.submit(0, &packet(14)).unwrap();
        self.until("answered", |bench| bench.events.last() == Some(&Event::Answer(packet(14))))
    }

    fn live(&mut self) -> Result<(), String> {
        let mut libxl = Libxl::new(&self.world);
        for device in 0..2 {
            let id = DeviceId { frontend: FRONT, device };
            let _wait = libxl.attach(BACK, id);
            self.use_it()?;
            self.until("closing", |bench| bench.frontend.close(&mut bench.store).is_ok())?;
            self.until("closed", |bench| {
                !bench.frontend.is_connected() && {
                    let own = alloc::format!("{}/state", id.frontend_dir());
                    bench.world.store(FRONT).read(&own).unwrap() == "6"
                }
            })?;
            self.frontend.reopen();
            self.use_it()?;
            let mut wait = libxl.detach(BACK, id);
            self.until("detached", |_| wait.poll() == Waiting::Reached)?;
            let mut wait = libxl.wait_for_removal(BACK, id);
            self.until("removed", |_| wait.poll() == Waiting::Reached)?;
            libxl.finish_removal(id);
        }
        Ok(())
    }
}

#[test]
fn one_request_without_an_answer_keeps_nobody_from_connecting() {
    let requests = each_unanswered(|answered, fate| {
        let mut bench = Bench::new(answered, fate);
        (bench.live(), bench.store.is_pending())
    });
    assert!(requests > 20, "only {requests}");
}

#[test]
fn a_look_without_an_event_is_put_off_while_xenstored_is_silent() {
    let mut bench = Bench::new(usize::MAX, Unanswered::Lost);
    let id = DeviceId { frontend: FRONT, device: 0 };
    let _attached = Libxl::new(&bench.world).attach(BACK, id);
    bench.until("connected", |bench| bench.frontend.is_connected()).unwrap();
    let requests = |bench: &mut Bench, seconds: usize, failure: Option<StoreError>| {
        bench.back.store.failure.clone_from(&failure);
        bench.store.store.failure = failure;
        let count = |bench: &Bench| [bench.back.store.requests, bench.store.store.requests];
        let before = count(bench);
        (0..seconds * 20).for_each(|_| bench.tick());
        let after = count(bench);
        [after[0] - before[0], after[1] - before[1]]
    };
    assert!(requests(&mut bench, 40, None).iter().all(|count| *count > 0), "they look");
    assert_eq!(requests(&mut bench, 100, Some(StoreError::NoAnswer)), [0, 0]);
    bench.use_it().unwrap();
    assert!(requests(&mut bench, 2, None).iter().all(|count| *count > 0), "they look again");
}
