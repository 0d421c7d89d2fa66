//! What a keeper asks of an engine.

use vtpm_engine::{Engine, LibTpms, TpmState};

/// An engine whose state can be kept.
pub trait KeptEngine: Engine {
    /// Whether the permanent state changed since this was last asked.
    fn take_changed(&mut self) -> bool;

    /// The permanent state as it is now; `None` for a TPM that failed to start.
    fn state(&self) -> Option<TpmState>;
}

impl KeptEngine for LibTpms {
    fn take_changed(&mut self) -> bool {
        self.take_changed_state().is_some()
    }

    fn state(&self) -> Option<TpmState> {
        Self::state(self)
    }
}
