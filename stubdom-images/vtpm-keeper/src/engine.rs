//! What a keeper asks of an engine.

use crate::endorsement::{self, EndorsementKey, NoKey};
use vtpm_engine::{Engine, LibTpms, TpmState, TpmVersion};

/// An engine whose state can be kept.
pub trait KeptEngine: Engine {
    /// Whether the permanent state changed since this was last asked.
    fn take_changed(&mut self) -> bool;

    /// The permanent state as it is now; `None` for a TPM that failed to start.
    fn state(&self) -> Option<TpmState>;

    /// The public part of the endorsement key, which identifies this TPM for life.
    ///
    /// # Errors
    /// [`NoKey`].
    fn endorsement_key(&mut self, version: TpmVersion) -> Result<EndorsementKey, NoKey>;
}

impl KeptEngine for LibTpms {
    fn take_changed(&mut self) -> bool {
        self.take_changed_state().is_some()
    }

    fn state(&self) -> Option<TpmState> {
        Self::state(self)
    }

    fn endorsement_key(&mut self, version: TpmVersion) -> Result<EndorsementKey, NoKey> {
        endorsement::read(self, version)
    }
}
