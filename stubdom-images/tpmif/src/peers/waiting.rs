//! How libxl waits for a backend's state, and for its nodes to vanish.

use alloc::string::String;
use core::time::Duration;
use domain_io::test_utils::{FakeClock, FakeStore};
use domain_io::{Clock, Xenstore};

/// What became of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Not over.
    Still,
    /// What was waited for was read.
    Reached,
    /// The ten seconds are over.
    TimedOut,
    /// The node vanished before the state was read (libxl_event.c: `ERROR_INVAL`).
    Vanished,
}

/// One wait. libxl reads the node some time after each watch event and compares for equality: a
/// state that has come and gone by then was never there.
pub struct Waits {
    store: FakeStore,
    clock: FakeClock,
    path: String,
    /// The state waited for; `None` waits for the node to vanish.
    wanted: Option<&'static str>,
    /// How long libxl takes from an event to its read.
    delay: Duration,
    read_at: Option<Duration>,
    deadline: Duration,
    over: Option<Waiting>,
}

impl Waits {
    pub(super) fn new(
        mut store: FakeStore,
        clock: FakeClock,
        path: String,
        wanted: Option<&'static str>,
        delay: Duration,
    ) -> Self {
        store.watch(&path, "libxl").expect("domain 0 has no quota");
        let deadline = clock.now() + Duration::from_secs(10);
        Self { store, clock, path, wanted, delay, read_at: None, deadline, over: None }
    }

    /// Where the wait stands at the clock's present time.
    pub fn poll(&mut self) -> Waiting {
        if self.over.is_none() {
            self.over = self.step();
        }
        self.over.unwrap_or(Waiting::Still)
    }

    fn step(&mut self) -> Option<Waiting> {
        let now = self.clock.now();
        while self.store.next_event().is_some() {
            self.read_at.get_or_insert(now + self.delay);
        }
        if self.read_at.is_some_and(|at| at <= now) {
            self.read_at = None;
            let read = self.store.read(&self.path);
            match (read, self.wanted) {
                (Ok(state), Some(wanted)) if state == wanted => return Some(Waiting::Reached),
                (Err(_), None) => return Some(Waiting::Reached),
                (Err(_), Some(_)) => return Some(Waiting::Vanished),
                _ => {}
            }
        }
        (now >= self.deadline).then_some(Waiting::TimedOut)
    }
}
