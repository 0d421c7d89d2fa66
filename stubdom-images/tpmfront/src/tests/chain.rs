//! Our frontend against our backend: that two ends of one house agree proves little, but that they
//! do not is worth knowing.

use crate::{Event, Frontend, Reason};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::test_utils::{FakeSharing, FakeStore, World};
use domain_io::{DomainId, Xenstore};
use tpmif::nodes::DeviceId;
use tpmif::peers::{Libxl, Waiting, Waits};

use super::behind::Behind;
use super::{BACK, FRONT, packet};

struct Chain {
    world: World,
    libxl: Libxl,
    back: Behind,
    front: (FakeStore, FakeSharing, Frontend<FakeSharing>),
}

fn id(device: u32) -> DeviceId {
    DeviceId { frontend: FRONT, device }
}

impl Chain {
    fn new() -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(FRONT);
        let (back, mut front) = (Behind::new(&world, BACK), world.store(FRONT));
        let frontend = Frontend::new(&mut front).unwrap();
        let libxl = Libxl::new(&world);
        let before = world.sharing(FRONT);
        Self { libxl, back, front: (front, before, frontend), world }
    }

    /// Five milliseconds, then a round of both domains.
    fn tick(&mut self) -> Vec<Event> {
        let clock = self.world.clock();
        clock.advance(Duration::from_millis(5));
        self.back.serve(&clock);
        let (store, sharing, frontend) = &mut self.front;
        while let Some(event) = store.next_event() {
            frontend.notice(&event);
        }
        core::iter::from_fn(|| frontend.poll(store, sharing, &clock)).collect()
    }

    fn run(&mut self, ticks: usize) -> Vec<Event> {
        (0..ticks).flat_map(|_| self.tick()).collect()
    }

    fn until(&mut self, mut wait: Waits) -> (Waiting, Vec<Event>) {
        let mut events = Vec::new();
        while wait.poll() == Waiting::Still {
            events.extend(self.tick());
        }
        (wait.poll(), events)
    }
}

#[test]
fn a_command_goes_through_both_ends_and_back() {
    let mut chain = Chain::new();
    let wait = chain.libxl.attach(BACK, id(0));
    assert_eq!(chain.until(wait).0, Waiting::Reached);
    assert_eq!(chain.run(400), [Event::Connected { device: 0, backend: BACK }]);
    for length in [10, 100, 4088] {
        chain.front.2.submit(0, &packet(length)).unwrap();
        assert_eq!(chain.run(2), [Event::Answer(packet(length))]);
    }
}

#[test]
fn detach_and_attach_under_a_new_number_is_followed_without_a_word() {
    let mut chain = Chain::new();
    for device in 0..5 {
        let wait = chain.libxl.attach(BACK, id(device));
        assert_eq!(chain.until(wait).0, Waiting::Reached);
        assert_eq!(chain.run(400), [Event::Connected { device, backend: BACK }]);
        let wait = chain.libxl.detach(BACK, id(device));
        let (ended, events) = chain.until(wait);
        assert_eq!(ended, Waiting::Reached);
        assert_eq!(events, [Event::Disconnected(Reason::BackendClosed)]);
        let wait = chain.libxl.wait_for_removal(BACK, id(device));
        assert_eq!(chain.until(wait).0, Waiting::Reached);
        chain.libxl.finish_removal(id(device));
        assert_eq!(chain.run(4), []);
    }
    assert_eq!(chain.world.grants_ended_while_mapped(), 0);
}

#[test]
fn closing_in_good_order_never_frees_a_mapped_page() {
    let mut chain = Chain::new();
    let _wait = chain.libxl.attach(BACK, id(0));
    chain.run(400);
    for _ in 0..5 {
        chain.front.2.close(&mut chain.front.0).unwrap();
        assert_eq!(chain.run(400), [Event::Closed]);
        chain.front.2.reopen();
        assert_eq!(chain.run(400), [Event::Connected { device: 0, backend: BACK }]);
    }
    assert_eq!(chain.world.grants_ended_while_mapped(), 0);
}

#[test]
fn a_backend_that_shuts_down_is_left_and_a_new_one_found() {
    let mut chain = Chain::new();
    let _wait = chain.libxl.attach(BACK, id(0));
    chain.run(400);
    let clock = chain.world.clock();
    chain.back.backend.shutdown(&mut chain.back.store, &clock);
    assert_eq!(chain.run(100), [Event::Disconnected(Reason::BackendClosed)]);
    chain.world.destroy_domain(BACK);
    chain.libxl.store.remove("/local/domain/3").unwrap();
    let other = DomainId(8);
    chain.world.add_domain(other);
    chain.back = Behind::new(&chain.world, other);
    let wait = chain.libxl.attach(other, id(1));
    assert_eq!(chain.until(wait).0, Waiting::Reached);
    assert_eq!(chain.run(400), [Event::Connected { device: 1, backend: other }]);
}
