//! One vTPM: an engine, and every rule about who may use it and when.

mod error;
#[cfg(test)]
mod tests;

pub use error::{AttachError, ServiceError};

use crate::boot::{self, BootError, Started, Stop};
use crate::keeper::StateKeeper;
use crate::life::{Admission, BootLife, Past, Refusal};
use crate::probe::Probe;
use crate::route::{Fault, Route, route};
use alloc::vec::Vec;
use domain_io::DomainId;
use tpm_wire::{Header, MAX_PACKET_BYTES};
use tpmif::Uuid;
use tpmif::nodes::DeviceId;
use vtpm_arguments::{Arguments, LocalityGrant, Startup};
use vtpm_engine::{Engine, Locality};

/// Where the engine's TPM comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was just made and has served nobody.
    New,
    /// It was loaded from kept state.
    Kept(Past),
}

/// Messages that are worth one line per guest.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    connected: bool,
    disorder: bool,
}

/// A vTPM that serves one frontend at a time.
///
/// After an error of [`ServiceError`] the TPM must not be used any more: the domain says so and
/// stops.
#[derive(Debug)]
pub struct Service<E, K> {
    engine: E,
    keeper: K,
    arguments: Arguments,
    started: Started,
    life: BootLife,
    grant: LocalityGrant,
    /// How the TPM stops from now on.
    next_stop: Stop,
    /// What a guest can cause again and again has been said once for it.
    said: Said,
}

impl<E: Engine, K: StateKeeper<E>> Service<E, K> {
    /// Makes a powered-on engine ready for its first frontend: a new TPM is made what `arguments`
    /// say, then Startup is sent. The engine must be of the version the arguments name.
    ///
    /// # Errors
    /// [`ServiceError`]; nothing may be served.
    pub fn start(
        mut engine: E,
        mut keeper: K,
        arguments: Arguments,
        origin: Origin,
    ) -> Result<Self, ServiceError> {
        let (past, first) = match origin {
            Origin::New => {
                boot::manufacture(&mut engine, &arguments)?;
                (Past::default(), first_startup(arguments.startup))
            }
            Origin::Kept(past) => (past, arguments.startup),
        };
        let started = boot::start(&mut engine, &arguments, first)?;
        if !started.resumed {
            keeper.begin_boot(&mut engine)?;
        }
        let life = BootLife::new(past, started.resumed, arguments.reattach);
        keeper.remember(&life.past());
        keeper.keep(&mut engine)?;
        let grant = LocalityGrant::AlwaysZero;
        let next_stop = Stop::EndOfBoot;
        let said = Said::default();
        Ok(Self { engine, keeper, arguments, started, life, grant, next_stop, said })
    }

    /// The frontend that has the TPM.
    #[must_use]
    pub const fn present(&self) -> Option<DeviceId> {
        self.life.present()
    }

    /// Whether this vTPM is for a guest whose `vtpm=` line has this uuid.
    ///
    /// # Errors
    /// [`Refusal::AnotherGuest`]: close this frontend with the message.
    pub fn is_for(&self, uuid: Uuid) -> Result<(), Refusal> {
        match self.arguments.guest {
            Some(only) if only != uuid => Err(Refusal::AnotherGuest { only, uuid }),
            _ => Ok(()),
        }
    }

    /// A frontend appeared. Its guest gets a TPM whose PCRs hold its own measurements and nobody
    /// else's, which may take a reset of the TPM.
    ///
    /// `label` is the guest's XSM label; `None` where it is not known. `lives` tells whether a domain exists;
    /// say yes when in doubt.
    ///
    /// # Errors
    /// [`AttachError::Refused`]: close this frontend with the message; everything else goes on.
    /// [`AttachError::Failed`]: the TPM must not be used any more.
    pub fn guest_attached(
        &mut self,
        id: DeviceId,
        label: Option<&str>,
        lives: impl FnMut(DomainId) -> bool,
    ) -> Result<(), AttachError> {
        let domain = id.frontend;
        let grant = self.arguments.localities.for_guest(label);
        let grant = grant.ok_or(Refusal::NoLocalityRule { domain })?;
        let admission = self.life.attach(id, lives)?;
        self.grant = grant;
        self.said = Said::default();
        self.keeper.remember(&self.life.past());
        if admission == Admission::NewBoot {
            self.reset()?;
        }
        // A guest that this vTPM does not remember could come back after a restart to blank PCRs.
        Ok(self.keeper.keep(&mut self.engine).map_err(ServiceError::from)?)
    }

    /// The frontend's page is mapped and commands may come.
    pub fn guest_connected(&mut self, id: DeviceId) {
        if !core::mem::replace(&mut self.said.connected, true) {
            log::info!("VTPM attached to Frontend {}/{}", id.frontend, id.device);
        }
    }

    /// The frontend closed its page, and may open it again.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn guest_closed(&mut self, id: DeviceId) -> Result<(), ServiceError> {
        if self.present() != Some(id) {
            return Ok(());
        }
        self.stop()
    }

    /// The frontend's device was removed, or its domain died.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn guest_gone(&mut self, id: DeviceId) -> Result<(), ServiceError> {
        let closed = self.guest_closed(id);
        self.life.detach(id);
        closed
    }

    /// Forgets guests that no longer exist. Worth calling now and then while nobody is attached.
    pub fn forget_dead_guests(&mut self, lives: impl FnMut(DomainId) -> bool) {
        self.life.forget_dead(lives);
        self.keeper.remember(&self.life.past());
    }

    /// Brings the TPM into order before the domain stops. Frontends may still close and go after
    /// it; nobody may be attached any more.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub fn shutdown(&mut self) -> Result<(), ServiceError> {
        if self.arguments.startup == Startup::Save {
            self.next_stop = Stop::ToResume;
        }
        self.stop()
    }

    /// Answers one command of a frontend. `locality` is what its shared page claims. A command of
    /// a frontend that does not have the TPM, such as a late one of a guest that is gone, gets an
    /// error and changes nothing. The answer is never longer than [`MAX_PACKET_BYTES`] and never
    /// empty.
    ///
    /// # Errors
    /// [`ServiceError`]: there is no answer, and none may be given.
    pub fn command(
        &mut self,
        id: DeviceId,
        locality: u8,
        packet: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let version = self.arguments.version;
        let tag = Header::parse(packet).ok().map(|(header, _)| header.tag);
        if self.present() != Some(id) {
            return Ok(Fault::NotServed.answer(tag, version));
        }
        let Some(locality) = self.grant.decide(locality) else {
            return Ok(Fault::Locality.answer(tag, version));
        };
        let response = self.execute(locality, packet)?;
        self.keeper.keep(&mut self.engine)?;
        if response.len() > MAX_PACKET_BYTES {
            return Ok(Fault::AnswerTooLong.answer(tag, version));
        }
        Ok(response)
    }

    fn execute(&mut self, locality: Locality, packet: &[u8]) -> Result<Vec<u8>, ServiceError> {
        log_command(packet, locality);
        Ok(match route(self.arguments.version, packet) {
            Route::Answer(answer) => answer,
            Route::Engine => self.engine.execute(locality, packet)?,
            Route::Probe(header, parameters) => {
                let banks = self.started.banks.as_slice();
                let mut probe = Probe { engine: &mut self.engine, locality, banks };
                probe.answer(header, parameters)?
            }
        })
    }

    /// A TPM that refuses to stop in order (a guest can bring it into failure mode) loses its power
    /// without; that costs at most one failed try, and the next boot works again.
    fn stop(&mut self) -> Result<(), ServiceError> {
        match boot::stop(&mut self.engine, self.arguments.version, self.next_stop) {
            Err(BootError::Engine(error)) => return Err(error.into()),
            Err(refused) => self.say_disorder(&refused),
            Ok(()) => {}
        }
        Ok(self.keeper.keep(&mut self.engine)?)
    }

    fn say_disorder(&mut self, refused: &BootError) {
        if !core::mem::replace(&mut self.said.disorder, true) {
            log::error!("the TPM does not stop in order: {refused}");
        }
    }

    /// Ends the boot and begins another, for another guest.
    fn reset(&mut self) -> Result<(), ServiceError> {
        self.stop()?;
        self.engine.power_cycle()?;
        let startup = match self.arguments.startup {
            Startup::Save => Startup::Clear,
            other => other,
        };
        self.started = boot::start(&mut self.engine, &self.arguments, startup)?;
        self.keeper.begin_boot(&mut self.engine)?;
        Ok(self.keeper.keep(&mut self.engine)?)
    }
}

/// How a TPM that was just made is started: it kept nothing to go on with, and a TPM 1.2 that is told
/// to go on all the same is in failure mode until its power is cycled.
fn first_startup(asked: Startup) -> Startup {
    if asked != Startup::Save {
        return asked;
    }
    log::warn!("save: this TPM is new and kept nothing to go on with; it begins a fresh boot");
    Startup::Clear
}

fn log_command(packet: &[u8], locality: Locality) {
    if let Ok((Header { tag, code }, _)) = Header::parse(packet) {
        log::debug!("command {code:#x}, tag {:#06x}, locality {}", tag.0, locality.number());
    }
}
