//! A way to a manager without pages.

use super::FakeManager;
use crate::link::{Connection, LinkError, ManagerLink};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::time::Duration;
use domain_io::Clock;
use domain_io::test_utils::FakeClock;

/// Hands packets to a [`FakeManager`]. Clones are the same link.
#[derive(Clone)]
pub struct DirectLink {
    manager: FakeManager,
    clock: FakeClock,
    connections: Rc<Cell<u64>>,
    down_until: Rc<Cell<Duration>>,
}

impl DirectLink {
    /// A link to this manager.
    #[must_use]
    pub fn new(manager: &FakeManager, clock: &FakeClock) -> Self {
        let (manager, clock) = (manager.clone(), clock.clone());
        Self { manager, clock, connections: Rc::default(), down_until: Rc::default() }
    }

    /// The manager goes away and is there again after this time.
    pub fn go_down(&self, time: Duration) {
        self.connections.set(self.connections.get() + 1);
        self.down_until.set(self.clock.now() + time);
    }
}

impl ManagerLink for DirectLink {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn connect(&mut self, until: Duration) -> Result<Connection, LinkError> {
        self.clock.advance_to(self.down_until.get().min(until));
        match self.down_until.get() > until {
            true => Err(LinkError::TimedOut),
            false => Ok(Connection(self.connections.get())),
        }
    }

    fn exchange(
        &mut self,
        connection: Connection,
        packet: &[u8],
        _: Duration,
    ) -> Result<Vec<u8>, LinkError> {
        if connection.0 != self.connections.get() || self.down_until.get() > self.clock.now() {
            return Err(LinkError::Lost);
        }
        self.clock.advance(Duration::from_millis(1));
        self.manager.answer(packet).ok_or_else(|| {
            self.go_down(Duration::from_millis(100));
            LinkError::Lost
        })
    }

    fn pause(&mut self, until: Duration) -> Result<(), LinkError> {
        self.clock.advance_to(until);
        Ok(())
    }
}
