//! Serving until the toolstack wants the domain to end.

use super::Fault;
use super::ground::{Link, Requests, Store};
use super::start::{Footing, Running};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, Xenstore};
use tpmback::WATCHES_PER_TURN;
use vtpm_engine::LibTpms;
use vtpm_service::StateKeeper;
use vtpm_service::announce::{self, State, Word};
use xen_guest::{DomainClock, DomainSharing, Ending, Waiter};

/// How long the devices may take to close before the domain ends without.
const CLOSING: Duration = Duration::from_secs(3);

/// Everything that a turn needs, and the vTPM.
pub(crate) struct Serving<K> {
    vtpm: Running<K>,
    /// To the manager of a managed vTPM.
    link: Option<Link>,
    links: Store,
    store: Store,
    sharing: DomainSharing,
    clock: DomainClock,
    waiter: Waiter,
    requests: Requests,
    ports: Vec<domain_io::PortNumber>,
    word: Word,
}

impl<K: StateKeeper<LibTpms>> Serving<K> {
    pub(crate) fn new(vtpm: Running<K>, link: Option<Link>, footing: Footing) -> Self {
        let Footing { links, store, sharing, clock, waiter, requests } = footing;
        let (ports, word) = (Vec::new(), announce::word());
        Self { vtpm, link, links, store, sharing, clock, waiter, requests, ports, word }
    }

    /// Serves; returns how the domain was asked to end.
    pub(crate) fn until_shutdown(&mut self) -> Result<Ending, Fault> {
        if let Err(error) = self.word.say(&mut self.store, State::Ready) {
            log::warn!("cannot write data/vtpm/state = {}: {error}", State::Ready);
        }
        log::info!("ready for a frontend");
        loop {
            if let Some(ending) = self.requests.shutdown() {
                self.stop();
                return Ok(ending);
            }
            if self.word.repeat(&mut self.store) {
                log::info!("data/vtpm/state says so now");
            }
            if let Err(error) = self.turn() {
                let fault = Fault::Service(error);
                self.abandon(&fault);
                return Err(fault);
            }
            self.wait(self.next_deadline());
        }
    }

    fn notice(&mut self) {
        for _ in 0..WATCHES_PER_TURN {
            let Some(event) = self.store.next_event() else { break };
            self.vtpm.notice(&event);
        }
    }

    fn turn(&mut self) -> Result<(), vtpm_service::ServiceError> {
        self.notice();
        if let Some(link) = &self.link {
            link.turn();
        }
        self.vtpm.turn(&mut self.store, &mut self.sharing, &self.clock)
    }

    fn next_deadline(&self) -> Duration {
        let own = self.vtpm.next_deadline();
        let again = self.clock.now().saturating_add(Word::AGAIN);
        let own = if self.word.is_unsaid() { own.min(again) } else { own };
        self.link.as_ref().map_or(own, |link| own.min(link.next_deadline()))
    }

    fn wait(&mut self, until: Duration) {
        if self.links.has_aside() || self.store.has_aside() {
            return;
        }
        if self.store.with(|store| store.has_unread()) {
            return;
        }
        self.ports.clear();
        self.ports.push(self.store.with(|store| store.port()));
        self.vtpm.ports(&mut self.ports);
        self.ports.extend(self.link.as_ref().and_then(Link::port));
        self.waiter.wait(&self.ports, Some(until));
    }

    /// The guest learns at once that its TPM is gone, and the toolstack why.
    fn abandon(&mut self, fault: &Fault) {
        log::error!("closing the frontend: {fault}");
        self.vtpm.abandon(&mut self.store, &self.clock);
        self.drain();
    }

    /// Lets the devices close, without the TPM.
    fn drain(&mut self) {
        let end = self.clock.now() + CLOSING;
        while !self.vtpm.is_stopped() && self.clock.now() < end {
            self.notice();
            // A second request changes nothing.
            let _ = self.store.with(|store| store.shutdown_request());
            if let Some(link) = &self.link {
                link.turn();
            }
            self.vtpm.drain(&mut self.store, &mut self.sharing, &self.clock);
            self.wait(self.vtpm.next_deadline().min(end));
        }
    }

    fn stop(&mut self) {
        match self.vtpm.shutdown(&mut self.store, &self.clock) {
            Ok(()) => self.close(),
            Err(error) => {
                log::error!("the TPM did not stop in order: {error}");
                self.drain();
            }
        }
        if let Some(link) = &self.link {
            link.close(self.clock.now() + CLOSING);
        }
    }

    fn close(&mut self) {
        let end = self.clock.now() + CLOSING;
        while !self.vtpm.is_stopped() && self.clock.now() < end {
            if self.turn().is_err() {
                return;
            }
            let _ = self.store.with(|store| store.shutdown_request());
            self.wait(self.next_deadline().min(end));
        }
    }
}
