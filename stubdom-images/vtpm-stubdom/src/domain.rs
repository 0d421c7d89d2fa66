//! Carries commands from the backend to the vTPM, and what becomes of frontends likewise.

use crate::desk::Desk;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, PortNumber, Sharing, StoreError, WatchEvent, Xenstore};
use tpmback::{Command, Event, Reason};
use vtpm_engine::Engine;
use vtpm_service::{AttachError, Service, ServiceError, StateKeeper};

/// How often dead guests are looked for while nobody is attached, so that their numbers can be
/// given to other guests.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// A vTPM domain: at most one guest has its TPM at any time.
///
/// After any error the domain must announce it and stop.
pub struct VtpmDomain<E, K, S: Sharing> {
    desk: Desk<S>,
    service: Service<E, K>,
    forget_next: Duration,
}

impl<E: Engine, K: StateKeeper<E>, S: Sharing> VtpmDomain<E, K, S> {
    /// Begins to look for frontends of a started vTPM.
    ///
    /// # Errors
    /// [`StoreError`] when xenstored does not let us watch our own backend directory.
    pub fn new<X: Xenstore + ?Sized>(
        store: &mut X,
        service: Service<E, K>,
    ) -> Result<Self, StoreError> {
        Ok(Self::at(Desk::open(store)?, service))
    }

    /// As [`new`](Self::new), at a desk that others follow, too.
    pub fn at(desk: Desk<S>, service: Service<E, K>) -> Self {
        Self { desk, service, forget_next: Duration::ZERO }
    }

    /// Takes note of a watch event; `false` when it belongs to somebody else.
    pub fn notice(&mut self, event: &WatchEvent) -> bool {
        self.desk.notice(event)
    }

    /// Does everything there is to do now.
    ///
    /// # Errors
    /// [`ServiceError`]: the TPM must not be used any more.
    pub fn turn<X, C>(
        &mut self,
        store: &mut X,
        sharing: &mut S,
        clock: &C,
    ) -> Result<(), ServiceError>
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        while let Some(event) = self.desk.poll(store, sharing, clock) {
            self.handle(store, event)?;
        }
        self.forget_dead_guests(store, clock.now());
        Ok(())
    }

    /// Adds the ports to wait on.
    pub fn ports(&self, into: &mut Vec<PortNumber>) {
        self.desk.ports(into);
    }

    /// When the next turn is due even if nothing happens.
    #[must_use]
    pub fn next_deadline(&self) -> Duration {
        self.desk.next_deadline().map_or(self.forget_next, |due| due.min(self.forget_next))
    }

    /// Begins to stop: closes the frontend and brings the TPM into order. Turns go on until
    /// [`is_stopped`](Self::is_stopped), so that the toolstack sees each device close.
    ///
    /// # Errors
    /// [`ServiceError`]: the TPM did not stop in order; the domain stops all the same.
    pub fn shutdown<X, C>(&mut self, store: &mut X, clock: &C) -> Result<(), ServiceError>
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        self.desk.shutdown(store, clock);
        self.service.shutdown()
    }

    /// Closes the frontend of a TPM that cannot be used any more, so that its guest is not left
    /// waiting for answers. Then [`drain`](Self::drain) until [`is_stopped`](Self::is_stopped).
    pub fn abandon<X, C>(&mut self, store: &mut X, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        self.desk.shutdown(store, clock);
    }

    /// A turn without the TPM: devices close, and commands fail.
    pub fn drain<X, C>(&mut self, store: &mut X, sharing: &mut S, clock: &C)
    where
        X: Xenstore + ?Sized,
        C: Clock + ?Sized,
    {
        while let Some(event) = self.desk.poll(store, sharing, clock) {
            if let Event::Command(command) = event {
                // A frontend that has gone meanwhile needs no answer.
                let _ = self.desk.fail(command.ticket);
            }
        }
    }

    /// Whether every device is gone.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.desk.is_empty()
    }

    fn handle<X: Xenstore + ?Sized>(
        &mut self,
        store: &mut X,
        event: Event,
    ) -> Result<(), ServiceError> {
        match event {
            Event::Attached { id, uuid } => {
                log::info!("frontend {id} with uuid {uuid}");
                let lives = |domain| store.is_introduced(domain).unwrap_or(true);
                let admitted = match self.service.is_for(uuid) {
                    Ok(()) => self.service.guest_attached(id, None, lives),
                    Err(other) => Err(other.into()),
                };
                match admitted {
                    Ok(()) => Ok(()),
                    Err(AttachError::Refused(why)) => {
                        log::warn!("frontend {id} is not served: {why}");
                        self.desk.refuse(store, id, &why.to_string());
                        Ok(())
                    }
                    Err(AttachError::Failed(error)) => Err(error),
                }
            }
            Event::Connected(id) => {
                self.service.guest_connected(id);
                Ok(())
            }
            Event::Disconnected(id, reason) => match reason {
                Reason::FrontendGone | Reason::DetachRequested | Reason::ShuttingDown => {
                    self.service.guest_gone(id)
                }
                _ => self.service.guest_closed(id),
            },
            Event::Removed(id) => self.service.guest_gone(id),
            Event::Command(command) => self.answer(command),
        }
    }

    fn answer(&mut self, command: Command) -> Result<(), ServiceError> {
        let served = self.service.command(command.id, command.locality, &command.bytes);
        let response = match served {
            Ok(response) => response,
            Err(error) => {
                // The frontend learns that its TPM failed instead of waiting for minutes.
                let _ = self.desk.fail(command.ticket);
                return Err(error);
            }
        };
        if let Err(lost) = self.desk.respond(command.ticket, &response) {
            // A guest can have this with each command.
            log::debug!("an answer to frontend {}: {lost}", command.id);
        }
        Ok(())
    }

    fn forget_dead_guests<X: Xenstore + ?Sized>(&mut self, store: &mut X, now: Duration) {
        if now < self.forget_next {
            return;
        }
        self.forget_next = now.saturating_add(FORGET_EVERY);
        if self.service.present().is_none() {
            self.service.forget_dead_guests(|domain| store.is_introduced(domain).unwrap_or(true));
        }
    }
}
