//! Commands through another TPM domain: our frontend, the shared page, our backend, swtpm.

mod support;

use core::cell::RefCell;
use core::time::Duration;
use domain_io::test_utils::{FakeClock, FakeSharing, FakeStore, World};
use domain_io::{Clock, DomainId, Pause, WatchEvent, Xenstore};
use peers::Family;
use std::rc::Rc;
use support::{command, echo, echoed, swtpm};
use tpm_hw::test_utils::Executor;
use tpm_hw::{
    Found, HardwareError, HardwareTpm, Interface, Locality, Relay, RelayFault, VersionOutcome,
    Wait, start,
};
use tpm_wire::TpmVersion;
use tpmback::{Backend, Limits};
use tpmif::nodes::DeviceId;
use tpmif::peers::Libxl;

const BACK: DomainId = DomainId(3);
const FRONT: DomainId = DomainId(5);

/// The domain in between.
struct Between {
    store: FakeStore,
    sharing: FakeSharing,
    backend: Backend<FakeSharing>,
    executor: Executor,
    silent: bool,
    unanswered: Vec<tpmback::Command>,
}

impl Between {
    fn turn(&mut self, clock: &FakeClock) {
        while let Some(event) = self.store.next_event() {
            self.backend.notice(&event);
        }
        while let Some(event) = self.backend.poll(&mut self.store, &mut self.sharing, clock) {
            if let tpmback::Event::Command(command) = event {
                self.unanswered.push(command);
            }
        }
        if !self.silent {
            for command in self.unanswered.drain(..) {
                let response = (self.executor)(&command.bytes);
                self.backend.respond(command.ticket, &response).unwrap();
            }
        }
    }
}

/// While the asking domain pauses, the one in between gets its turn.
#[derive(Clone)]
struct Together {
    clock: FakeClock,
    between: Rc<RefCell<Between>>,
}

impl Clock for Together {
    fn now(&self) -> Duration {
        self.clock.now()
    }
}

impl Pause for Together {
    fn pause(&self, time: Duration) {
        self.clock.advance(time);
        self.between.borrow_mut().turn(&self.clock);
    }
}

struct Host {
    world: World,
    time: Together,
    foreign: Vec<WatchEvent>,
}

type TestRelay = Relay<FakeSharing, FakeStore, Together>;

impl Host {
    fn new(executor: Executor) -> Self {
        let world = World::new();
        world.add_domain(BACK);
        world.add_domain(FRONT);
        let (mut store, sharing) = (world.store(BACK), world.sharing(BACK));
        let backend = Backend::new(&mut store, Limits { frontends: 4 }).unwrap();
        let between =
            Between { store, sharing, backend, executor, silent: false, unanswered: Vec::new() };
        let between = Rc::new(RefCell::new(between));
        let time = Together { clock: world.clock(), between };
        Self { world, time, foreign: Vec::new() }
    }

    fn attach(&self) {
        let _wait = Libxl::new(&self.world).attach(BACK, DeviceId { frontend: FRONT, device: 0 });
    }

    fn connect(&mut self) -> Result<TestRelay, HardwareError> {
        let mut store = self.world.store(FRONT);
        store.watch("control/shutdown", "somebody else").unwrap();
        let ends = (store, self.world.sharing(FRONT));
        let limit = Duration::from_secs(60);
        let foreign = &mut self.foreign;
        Relay::connect(ends, self.time.clone(), Locality::ZERO, limit, |event| foreign.push(event))
    }
}

#[test]
fn commands_pass_through_and_other_watches_are_not_swallowed() {
    let mut host = Host::new(echo());
    host.attach();
    let mut relay = host.connect().unwrap();
    for length in [10, 300, 4088] {
        assert_eq!(relay.transmit(&command(length)), Ok(echoed(length)));
    }
    let too_long = HardwareError::CommandLength { bytes: 4089, limit: 4088 };
    assert_eq!(relay.transmit(&command(4089)), Err(too_long));
    assert!(host.foreign.iter().any(|event| event.token == "somebody else"));
}

#[test]
fn without_a_device_the_wait_ends_and_says_what_to_check() {
    let mut host = Host::new(echo());
    let error = host.connect().err().unwrap();
    assert_eq!(error, HardwareError::Relay(RelayFault::NotConnected));
    assert!(error.to_string().contains("vtpm="));
    assert!(host.time.now() < Duration::from_secs(62));
}

#[test]
fn a_domain_that_never_answers_is_given_up_and_a_late_answer_is_not_taken_for_a_new_one() {
    let mut host = Host::new(echo());
    host.attach();
    let mut relay = host.connect().unwrap();
    host.time.between.borrow_mut().silent = true;
    let error = relay.transmit(&command(300)).unwrap_err();
    let timed_out = matches!(error, HardwareError::TimedOut { what: Wait::Execution, .. });
    assert!(timed_out, "{error}");
    assert!(host.time.now() < Duration::from_secs(60 + 120 + 30 + 10));
    host.time.between.borrow_mut().silent = false;
    let busy = relay.transmit(&command(12)).unwrap_err();
    assert!(matches!(busy, HardwareError::Relay(RelayFault::NotSent(_))), "{busy}");
    host.time.pause(Duration::from_millis(5));
    for length in [12, 20] {
        assert_eq!(relay.transmit(&command(length)), Ok(echoed(length)));
    }
}

#[test]
fn a_domain_that_is_destroyed_is_noticed() {
    let mut host = Host::new(echo());
    host.attach();
    let mut relay = host.connect().unwrap();
    let mut dom0 = host.world.store(DomainId(0));
    dom0.remove(&format!("/local/domain/{BACK}/backend")).unwrap();
    host.time.between.borrow_mut().silent = true;
    let error = relay.transmit(&command(12)).unwrap_err();
    assert!(matches!(error, HardwareError::Relay(RelayFault::Ended(_))), "{error}");
    assert_eq!(relay.transmit(&command(12)), Err(HardwareError::Relay(RelayFault::NotConnected)));
}

#[test]
fn version_and_start_work_through_another_domain() {
    for (family, version) in
        [(Family::Tpm20, TpmVersion::Tpm20), (Family::Tpm12, TpmVersion::Tpm12)]
    {
        let Some(executor) = swtpm(family) else { return };
        let mut host = Host::new(executor);
        host.attach();
        let relay = Box::new(host.connect().unwrap());
        let is_20 = version == TpmVersion::Tpm20;
        let mut found = Found::behind(relay, Interface::Relay, is_20).unwrap();
        assert_eq!((found.version, found.outcome), (version, VersionOutcome::AsAsked));
        let first = start(found.tpm.as_mut(), version, &host.time).unwrap();
        assert!(!first.already_started);
    }
}
