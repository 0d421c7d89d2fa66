//! The engine of both TPM versions.

use crate::engine::{Engine, EngineError, Locality};
use crate::entropy::{self, FallbackWatch};
use crate::resume;
use crate::state::TpmState;
use alloc::string::String;
use alloc::vec::Vec;
use engine_sys::{Failed, Library, OpenError, Stored, Version};
use tpm_wire::{Header, MAX_PACKET_BYTES, TpmVersion};

/// What a TPM starts from.
pub struct StartConfig {
    /// Which TPM to be.
    pub version: TpmVersion,
    /// Its state; `None` makes a new TPM with new seeds and keys.
    pub state: Option<TpmState>,
    /// The result of [`LibTpms::volatile_state`] of the same TPM in the same state, to go on where
    /// it stopped. The TPM is reseeded before the first command.
    pub volatile: Option<Vec<u8>>,
}

impl StartConfig {
    /// A new TPM.
    #[must_use]
    pub const fn new(version: TpmVersion) -> Self {
        Self { version, state: None, volatile: None }
    }
}

/// The TPM of this process or domain, by libtpms.
///
/// The caller sends Startup and everything else that firmware sends. TPM 1.2 sees physical
/// presence asserted, as the vTPM of Xen always had it.
pub struct LibTpms {
    library: Library,
    version: TpmVersion,
    fallback: FallbackWatch,
    failed: bool,
    broken: Option<EngineError>,
}

impl LibTpms {
    /// Powers a TPM on. Startup has not been sent yet, unless `volatile` was given.
    ///
    /// # Errors
    /// [`EngineError::NoEntropy`] before anything is made, when a source of entropy fails its
    /// check; [`EngineError::BadState`] when the state is damaged or of the other version;
    /// [`EngineError::AlreadyRunning`]; [`EngineError::Library`].
    pub fn start(config: StartConfig) -> Result<Self, EngineError> {
        entropy::check()?;
        let version = config.version;
        let number = match version {
            TpmVersion::Tpm12 => Version::Tpm12,
            TpmVersion::Tpm20 => Version::Tpm20,
        };
        let library = Library::open(number, version == TpmVersion::Tpm12)?;
        let fallback = FallbackWatch::new();
        let mut engine = Self { library, version, fallback, failed: false, broken: None };
        engine.library.set_buffer_size(u32::try_from(MAX_PACKET_BYTES).unwrap_or(u32::MAX));
        engine.power_on(config.state, config.volatile)?;
        Ok(engine)
    }

    fn power_on(
        &mut self,
        state: Option<TpmState>,
        volatile: Option<Vec<u8>>,
    ) -> Result<(), EngineError> {
        let restored = volatile.is_some();
        let known = state.is_some();
        let saved = state.as_ref().and_then(|state| state.saved.clone());
        self.library.set_stored(Stored { permanent: None, saved, volatile });
        if let Some(state) = state {
            self.library.set_permanent(state.permanent).map_err(|_| EngineError::BadState)?;
        }
        self.failed = false;
        self.fallback = FallbackWatch::new();
        self.library.start().map_err(|failed| match known {
            true => EngineError::BadState,
            false => failed.into(),
        })?;
        self.fallback.check_start(self.version, !known)?;
        self.forget_volatile();
        if restored {
            resume::reseed(&mut self.library, self.version)?;
            self.fallback.check_command()?;
        }
        Ok(())
    }

    /// So that a later power cycle does not restore it again.
    fn forget_volatile(&mut self) {
        let mut stored = self.library.stored();
        stored.volatile = None;
        self.library.set_stored(stored);
    }

    /// The state, when it changed since it was last taken. To be asked after each start and each
    /// command, and kept before the response leaves.
    pub fn take_changed_state(&mut self) -> Option<TpmState> {
        if self.library.take_changed() { self.state() } else { None }
    }

    /// The state as it is now. `None` only for a TPM that failed to start.
    #[must_use]
    pub fn state(&self) -> Option<TpmState> {
        TpmState::from_stored(self.library.stored())
    }

    /// Everything volatile, to go on with by [`StartConfig::volatile`]. It is secret, and belongs
    /// to the permanent state of this moment and no other.
    ///
    /// # Errors
    /// [`EngineError::Library`].
    pub fn volatile_state(&mut self) -> Result<Vec<u8>, EngineError> {
        Ok(self.library.volatile()?)
    }

    /// Whether the TPM answered that it is in failure mode (TPM_RC_FAILURE, TPM_FAILEDSELFTEST).
    /// It stays there until it is powered off; the usual cause is too little memory.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Which TPM it is.
    #[must_use]
    pub const fn version(&self) -> TpmVersion {
        self.version
    }

    /// libtpms's version and what it says about this TPM, in JSON.
    #[must_use]
    pub fn info(&self) -> (u32, String) {
        (self.library.release(), self.library.info().unwrap_or_default())
    }

    fn note_failure(&mut self, response_code: Option<u32>) {
        let failure = match self.version {
            TpmVersion::Tpm12 => 0x1c,
            TpmVersion::Tpm20 => 0x101,
        };
        if response_code == Some(failure) && !self.failed {
            self.failed = true;
            log::error!("the TPM is in failure mode and stays there until it is powered off");
        }
    }

    /// Remembers what nobody may overlook: after it, no command runs.
    fn break_with(&mut self, error: EngineError) -> EngineError {
        self.broken = Some(error);
        error
    }
}

impl Engine for LibTpms {
    fn execute(&mut self, locality: Locality, command: &[u8]) -> Result<Vec<u8>, EngineError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let response = copy(self.library.process(locality.number(), command)?)?;
        self.note_failure(response_code(&response));
        if let Err(error) = self.fallback.check_command() {
            return Err(self.break_with(error));
        }
        if self.library.has_lost_state() {
            return Err(self.break_with(EngineError::StateLost));
        }
        Ok(response)
    }

    fn power_cycle(&mut self) -> Result<(), EngineError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let state = self.state();
        self.library.stop();
        entropy::check()?;
        self.power_on(state, None).map_err(|error| self.break_with(error))
    }
}

/// Where memory is short, a missing response is better than a crash.
fn copy(response: &[u8]) -> Result<Vec<u8>, EngineError> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(response.len()).map_err(|_| EngineError::NoMemory)?;
    copy.extend_from_slice(response);
    Ok(copy)
}

/// The code of a response packet; `None` when it is no packet.
pub(crate) fn response_code(response: &[u8]) -> Option<u32> {
    Header::parse(response).ok().map(|(header, _)| header.code)
}

impl From<Failed> for EngineError {
    fn from(Failed { call, code }: Failed) -> Self {
        Self::Library { call, code }
    }
}

impl From<OpenError> for EngineError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::AlreadyOpen => Self::AlreadyRunning,
            OpenError::Failed(failed) => failed.into(),
        }
    }
}
