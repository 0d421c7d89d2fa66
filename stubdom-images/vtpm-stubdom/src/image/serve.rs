//! Serving until the toolstack wants the domain to end.

use super::ground::{Link, Store};
use super::start::Running;
use super::{Fault, announce};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, Xenstore};
use tpmback::WATCHES_PER_TURN;
use vtpm_engine::LibTpms;
use vtpm_service::StateKeeper;
use vtpm_service::announce::State;
use xen_guest::{DomainClock, DomainSharing, Ending, ShutdownRequest, Waiter};

/// How long the devices may take to close before the domain ends without.
const CLOSING: Duration = Duration::from_secs(3);

/// Everything that a turn needs, and the vTPM.
struct Serving<'a, K> {
    vtpm: Running<K>,
    /// To the manager of a managed vTPM.
    link: Option<Link>,
    store: &'a mut Store,
    sharing: DomainSharing,
    clock: &'a DomainClock,
    waiter: Waiter,
    ports: Vec<domain_io::PortNumber>,
}

/// Serves; returns how the domain was asked to end.
pub(crate) fn until_shutdown<K: StateKeeper<LibTpms>>(
    vtpm: Running<K>,
    link: Option<Link>,
    store: &mut Store,
    sharing: DomainSharing,
    clock: &DomainClock,
    waiter: Waiter,
) -> Result<Ending, Fault> {
    announce(store, State::Ready);
    log::info!("ready for a frontend");
    let mut serving = Serving { vtpm, link, store, sharing, clock, waiter, ports: Vec::new() };
    loop {
        if let Some(request) = serving.store.with(|store| store.shutdown_request()) {
            serving.stop();
            return Ok(match request {
                ShutdownRequest::Poweroff => Ending::Poweroff,
                ShutdownRequest::Reboot => Ending::Reboot,
            });
        }
        if let Err(error) = serving.turn() {
            let fault = Fault::Service(error);
            serving.abandon(&fault);
            return Err(fault);
        }
        serving.wait(serving.next_deadline());
    }
}

impl<K: StateKeeper<LibTpms>> Serving<'_, K> {
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
        self.vtpm.turn(self.store, &mut self.sharing, self.clock)
    }

    fn next_deadline(&self) -> Duration {
        let own = self.vtpm.next_deadline();
        self.link.as_ref().map_or(own, |link| own.min(link.next_deadline()))
    }

    fn wait(&mut self, until: Duration) {
        self.ports.clear();
        self.ports.push(self.store.with(|store| store.port()));
        self.ports.extend(self.vtpm.ports());
        self.ports.extend(self.link.as_ref().and_then(Link::port));
        self.waiter.wait(&self.ports, Some(until));
    }

    /// The guest learns at once that its TPM is gone, and the toolstack why.
    fn abandon(&mut self, fault: &Fault) {
        log::error!("closing the frontend: {fault}");
        self.vtpm.abandon(self.store, self.clock);
        let end = self.clock.now() + CLOSING;
        while !self.vtpm.is_stopped() && self.clock.now() < end {
            self.notice();
            self.vtpm.drain(self.store, &mut self.sharing, self.clock);
            self.wait(self.vtpm.next_deadline().min(end));
        }
    }

    fn stop(&mut self) {
        log::info!("asked to stop");
        announce(self.store, State::Stopping);
        if let Err(error) = self.vtpm.shutdown(self.store, self.clock) {
            log::error!("the TPM did not stop in order: {error}");
        }
        let end = self.clock.now() + CLOSING;
        while !self.vtpm.is_stopped() && self.clock.now() < end {
            if self.turn().is_err() {
                return;
            }
            self.wait(self.next_deadline().min(end));
        }
        if let Some(link) = &self.link {
            link.close(self.clock.now() + CLOSING);
        }
    }
}
