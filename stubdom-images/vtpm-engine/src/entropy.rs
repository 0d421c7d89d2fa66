//! Nothing is made or served without entropy.

use crate::engine::EngineError;
use engine_sys::{fill_random, system_entropy};
use tpm_wire::TpmVersion;

/// Bytes per sample: two equal ones have a chance of 2^-256.
const SAMPLE: usize = 32;

/// Checks the system's source and libcrypto's generator, before either makes a key.
///
/// A broken source is one that fails, gives the same twice, or gives one byte over and over.
pub(crate) fn check() -> Result<(), EngineError> {
    for source in [system_entropy, fill_random] {
        let (mut first, mut second) = ([0; SAMPLE], [0; SAMPLE]);
        let answered = source(&mut first) && source(&mut second);
        if !answered || first == second || is_constant(&first) || is_constant(&second) {
            return Err(EngineError::NoEntropy);
        }
    }
    Ok(())
}

fn is_constant(sample: &[u8; SAMPLE]) -> bool {
    sample.iter().all(|byte| *byte == sample[0])
}

/// Watches whether libtpms fell back from libcrypto's generator to rand().
///
/// libtpms 2.0 does so when libcrypto's generator fails, and reports nothing.
pub(crate) struct FallbackWatch {
    calls: u32,
}

impl FallbackWatch {
    /// What libtpms 2.0 calls in good order at each reset of its entropy source: it fills one
    /// 32-bit word, which it only compares with the first word of real entropy.
    const CALLS_PER_RESET: u32 = 2;

    /// Starts to watch.
    pub(crate) fn new() -> Self {
        Self { calls: engine_sys::fallback_calls() }
    }

    /// After libtpms has started; making a TPM resets the source once more than starting one.
    pub(crate) fn check_start(
        &mut self,
        version: TpmVersion,
        is_new: bool,
    ) -> Result<(), EngineError> {
        let resets = match version {
            TpmVersion::Tpm12 => 0,
            TpmVersion::Tpm20 => 1 + u32::from(is_new),
        };
        self.check(resets * Self::CALLS_PER_RESET)
    }

    /// After a command.
    pub(crate) fn check_command(&mut self) -> Result<(), EngineError> {
        self.check(0)
    }

    fn check(&mut self, allowed: u32) -> Result<(), EngineError> {
        let now = engine_sys::fallback_calls();
        let since = now.wrapping_sub(core::mem::replace(&mut self.calls, now));
        if since > allowed || engine_sys::fallback_failed() {
            return Err(EngineError::NoEntropy);
        }
        Ok(())
    }
}
