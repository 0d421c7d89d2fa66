//! Serving until the toolstack wants the domain to end.

use super::start::EphemeralVtpm;
use super::{Fault, announce};
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, Xenstore};
use tpmback::WATCHES_PER_TURN;
use vtpm_service::announce::State;
use xen_guest::{DomainClock, DomainSharing, Ending, ShutdownRequest, StoreConnection, Waiter};

/// How long the devices may take to close before the domain ends without.
const CLOSING: Duration = Duration::from_secs(3);

/// Everything that a turn needs, and the vTPM.
struct Serving<'a> {
    vtpm: EphemeralVtpm,
    store: &'a mut StoreConnection,
    sharing: DomainSharing,
    clock: &'a DomainClock,
    waiter: Waiter,
    ports: Vec<domain_io::PortNumber>,
}

/// Serves; returns how the domain was asked to end.
pub(crate) fn until_shutdown(
    vtpm: EphemeralVtpm,
    store: &mut StoreConnection,
    sharing: DomainSharing,
    clock: &DomainClock,
    waiter: Waiter,
) -> Result<Ending, Fault> {
    announce(store, State::Ready);
    log::info!("ready for a frontend");
    let mut serving = Serving { vtpm, store, sharing, clock, waiter, ports: Vec::new() };
    loop {
        if let Some(request) = serving.store.shutdown_request() {
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
        serving.wait(serving.vtpm.next_deadline());
    }
}

impl Serving<'_> {
    fn notice(&mut self) {
        for _ in 0..WATCHES_PER_TURN {
            let Some(event) = self.store.next_event() else { break };
            self.vtpm.notice(&event);
        }
    }

    fn turn(&mut self) -> Result<(), vtpm_service::ServiceError> {
        self.notice();
        self.vtpm.turn(self.store, &mut self.sharing, self.clock)
    }

    fn wait(&mut self, until: Duration) {
        self.ports.clear();
        self.ports.push(self.store.port());
        self.ports.extend(self.vtpm.ports());
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
            self.wait(self.vtpm.next_deadline().min(end));
        }
    }
}
