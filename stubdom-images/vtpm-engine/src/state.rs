//! What a TPM must not lose.

use alloc::vec::Vec;
use core::fmt;
use engine_sys::Stored;

/// Everything of one TPM that outlives power. All of it is secret.
///
/// The bytes are libtpms's own (its tpm_nvfilename.h names the blobs); they say which TPM version
/// they belong to only indirectly, so whoever stores them keeps the version beside them.
#[derive(Clone, PartialEq, Eq)]
pub struct TpmState {
    /// `permall`: seeds, persistent keys, NV indices, owner and lockout data. About 1.3 KB when
    /// fresh, at most about 256 KB.
    pub permanent: Vec<u8>,
    /// `savestate`: what TPM_SaveState of a TPM 1.2 keeps for the next TPM_Startup(ST_STATE).
    /// Always `None` for TPM 2.0, which keeps its own in `permanent`.
    pub saved: Option<Vec<u8>>,
}

/// Sizes only: the contents are secret.
impl fmt::Debug for TpmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let saved = self.saved.as_ref().map(Vec::len);
        write!(f, "TpmState {{ permanent: {} bytes, saved: {saved:?} }}", self.permanent.len())
    }
}

impl TpmState {
    pub(crate) fn from_stored(stored: Stored) -> Option<Self> {
        Some(Self { permanent: stored.permanent?, saved: stored.saved })
    }
}
