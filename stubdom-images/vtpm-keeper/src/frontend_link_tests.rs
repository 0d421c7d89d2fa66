use super::*;
use domain_io::DomainId;
use domain_io::test_utils::{FakeClock, FakeSharing, FakeStore, World};
use tpmif::nodes::DeviceId;
use tpmif::peers::{Libxl, UUID};

const MANAGER: DomainId = DomainId(1);
const VTPM: DomainId = DomainId(2);
const DEVICE: DeviceId = DeviceId { frontend: VTPM, device: 0 };

type Store = Rc<RefCell<FakeStore>>;

/// Lets time pass whenever the link waits; the xenstored that failed is well again after that.
struct Host {
    clock: FakeClock,
    store: Store,
    stop: bool,
}

impl Clock for Host {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl LinkHost for Host {
    fn wait(&self, _: Option<PortNumber>, until: Duration) {
        self.clock.advance_to(until);
        self.store.borrow_mut().failure = None;
    }

    fn meanwhile(&mut self) -> Meanwhile {
        if self.stop { Meanwhile::Stop } else { Meanwhile::GoOn }
    }
}

struct Bench {
    world: World,
    store: Store,
    link: FrontendLink<Store, FakeSharing, Host>,
}

fn bench(stop: bool) -> Bench {
    let world = World::new();
    world.add_domain(MANAGER);
    world.add_domain(VTPM);
    Libxl::new(&world).attach(MANAGER, DEVICE);
    let store = Rc::new(RefCell::new(world.store(VTPM)));
    let host = Host { clock: world.clock(), store: Rc::clone(&store), stop };
    let link = FrontendLink::new(Rc::clone(&store), world.sharing(VTPM), host).unwrap();
    link.turn();
    Bench { world, store, link }
}

const UNTIL: Duration = Duration::from_secs(60);

fn written(world: &World, text: &str) {
    let node = alloc::format!("{}/uuid", Libxl::backend_dir(MANAGER, DEVICE));
    world.store(DomainId(0)).write(&node, text).unwrap();
}

#[test]
fn the_uuid_is_read_again_when_xenstored_gave_no_answer() {
    let Bench { store, link, .. } = bench(false);
    store.borrow_mut().failure = Some(StoreError::NoAnswer);
    assert_eq!(link.uuid(UNTIL), Ok(Uuid::parse(UUID).unwrap()));
}

#[test]
fn an_xenstored_that_never_answers_is_named_in_the_end() {
    let Bench { store, link, .. } = bench(false);
    store.borrow_mut().failure = Some(StoreError::NoAnswer);
    assert_eq!(link.uuid(Duration::ZERO), Err(UuidError::Store(StoreError::NoAnswer)));
}

#[test]
fn none_something_else_and_no_device_are_told_apart() {
    let Bench { world, link, .. } = bench(false);
    written(&world, "five");
    assert_eq!(link.uuid(UNTIL), Err(UuidError::NotOne("five".into())));
    let node = alloc::format!("{}/uuid", Libxl::backend_dir(MANAGER, DEVICE));
    world.store(DomainId(0)).remove(&node).unwrap();
    assert_eq!(link.uuid(UNTIL), Err(UuidError::Absent));
    let nodes: Vec<_> = [DEVICE.frontend_dir(), Libxl::backend_dir(MANAGER, DEVICE)].into();
    nodes.iter().for_each(|node| world.store(DomainId(0)).remove(node).unwrap());
    link.turn();
    assert_eq!(link.uuid(UNTIL), Err(UuidError::Link(LinkError::TimedOut)));
}

#[test]
fn a_domain_that_is_asked_to_stop_does_not_wait_for_a_uuid() {
    let Bench { store, link, .. } = bench(true);
    store.borrow_mut().failure = Some(StoreError::NoAnswer);
    assert_eq!(link.uuid(UNTIL), Err(UuidError::Link(LinkError::Stopping)));
}
