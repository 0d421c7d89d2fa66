//! Serving until the toolstack or a command from domain 0 wants the domain to end.

use super::fault::Fault;
use super::start::{Keeper, Labels};
use super::{Sharing, Store, announce};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, PortNumber, Xenstore};
use tpmback::WATCHES_PER_TURN;
use vtpm_manager::announce::{State, Word};
use vtpmmgr_stubdom::ManagerDomain;
use xen_guest::{DomainClock, DomainDisk, Ending, ShutdownRequest, Waiter};

/// How long the devices may take to close before the domain ends without.
const CLOSING: Duration = Duration::from_secs(3);

/// How long the one who commanded the end has for reading the answer.
const FAREWELL: Duration = Duration::from_millis(200);

/// How long to wait at most, also when nothing is due.
const IDLE: Duration = Duration::from_secs(30);

/// Everything that a turn needs, and the manager.
pub(crate) struct Serving {
    pub(crate) domain: ManagerDomain<DomainDisk, Keeper, Sharing, Labels>,
    pub(crate) store: Store,
    pub(crate) sharing: Sharing,
    pub(crate) clock: DomainClock,
    pub(crate) waiter: Waiter,
    pub(crate) ports: Vec<PortNumber>,
    pub(crate) locked: bool,
    pub(crate) word: Word,
}

impl Serving {
    /// Serves; returns how the domain is to end, or why it cannot go on.
    pub(crate) fn until_shutdown(&mut self) -> Result<Ending, Fault> {
        self.locked = self.domain.locked().is_some();
        if !self.locked {
            self.say_ready();
        }
        loop {
            if let Some(ending) = self.asked_to_end() {
                log::info!("asked to stop");
                self.stop();
                return Ok(ending);
            }
            if self.word.repeat(&mut self.store) {
                log::info!("data/vtpmmgr/state says so now");
            }
            self.turn();
            if self.domain.has_lost_disk() {
                log::error!("closing all devices: {}", Fault::DiskLost);
                self.stop();
                return Err(Fault::DiskLost);
            }
            if self.locked && self.domain.locked().is_none() {
                self.locked = false;
                self.say_ready();
            }
            let now = self.clock.now();
            let deadline = self.domain.next_deadline(now);
            let idle = if self.word.is_unsaid() { Word::AGAIN } else { IDLE };
            let idle = now.saturating_add(idle);
            self.wait(deadline.map_or(idle, |deadline| deadline.min(idle)));
        }
    }

    fn say_ready(&mut self) {
        if let Err(error) = self.word.say(&mut self.store, State::Ready) {
            log::warn!("cannot write data/vtpmmgr/state = {}: {error}", State::Ready);
        }
        log::info!("ready for vTPMs");
    }

    fn asked_to_end(&mut self) -> Option<Ending> {
        if self.domain.wants_end() {
            self.waiter.sleep(FAREWELL);
            return Some(Ending::Poweroff);
        }
        Some(match self.store.borrow_mut().shutdown_request()? {
            ShutdownRequest::Poweroff => Ending::Poweroff,
            ShutdownRequest::Reboot => Ending::Reboot,
        })
    }

    fn turn(&mut self) {
        for _ in 0..WATCHES_PER_TURN {
            let Some(event) = self.store.next_event() else { break };
            self.domain.notice(&event);
        }
        self.domain.turn(&mut self.store, &mut self.sharing, &self.clock);
    }

    fn wait(&mut self, until: Duration) {
        if !self.domain.wants_end() {
            self.sleep(until);
        }
    }

    fn sleep(&mut self, until: Duration) {
        if self.store.borrow().has_unread() {
            return;
        }
        self.ports.clear();
        self.ports.push(self.store.borrow().port());
        self.ports.extend(self.domain.ports());
        self.waiter.wait(&self.ports, Some(until));
    }

    fn stop(&mut self) {
        announce(&mut self.store, State::Stopping);
        self.domain.shutdown(&mut self.store, &self.clock);
        let end = self.clock.now().saturating_add(CLOSING);
        while !self.domain.is_stopped() && self.clock.now() < end {
            self.turn();
            // A second request changes nothing.
            let _ = self.store.borrow_mut().shutdown_request();
            let due = self.domain.next_deadline(self.clock.now()).unwrap_or(end);
            self.sleep(due.min(end));
        }
    }
}
