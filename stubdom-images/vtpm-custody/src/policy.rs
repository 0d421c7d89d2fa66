//! What an administrator may ask of the policy that guards the secret.

use crate::error::CustodyError;
use crate::pcr::{PcrSelection, PcrState};
use alloc::vec::Vec;
use tpm_wire::tpm20::HashAlgorithm;

/// Whether checks that protect from a policy that protects nothing may be passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// They hold.
    #[default]
    No,
    /// An administrator said so: PCRs without a measurement, or a selection beyond the default
    /// without a recovery key, are accepted; PCRs that the TPM has not allocated are left out of the
    /// selection, and where none is left the secret is sealed to the TPM alone.
    Yes,
}

/// For which states of the machine the secret is released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Which PCRs must stay as they are now. `None` is the default selection: PCRs 5 and 7 of
    /// SHA-256, or of SHA-1 where a TPM has no SHA-256 bank.
    pub selection: Option<PcrSelection>,
    /// States to accept besides the present one, such as the one after an update.
    pub also: Vec<PcrState>,
    /// Whether the checks hold.
    pub force: Force,
}

impl Policy {
    pub(crate) fn selection_in(&self, bank: HashAlgorithm) -> PcrSelection {
        self.selection.clone().unwrap_or_else(|| PcrSelection::default_in(bank))
    }

    /// The present state, as `read` tells it. When forced, what is not allocated is left out: a
    /// policy that named it would look as if it protected something.
    ///
    /// # Errors
    /// [`CustodyError::NotAllocated`] unless forced, and those of `read`.
    pub(crate) fn present(
        &self,
        bank: HashAlgorithm,
        mut read: impl FnMut(&PcrSelection) -> Result<PcrState, CustodyError>,
    ) -> Result<PcrState, CustodyError> {
        let mut selection = self.selection_in(bank);
        loop {
            let refused = match read(&selection) {
                Err(refused) if self.force == Force::Yes => refused,
                other => return other,
            };
            let CustodyError::NotAllocated { bank, pcrs } = refused else { return Err(refused) };
            let left = selection.without(bank, pcrs);
            if left == selection {
                return Err(refused);
            }
            log::warn!(
                "PCRs {pcrs} of bank {bank} are not allocated and are left out by force: the secret \
                 is sealed to {left}"
            );
            selection = left;
        }
    }

    /// All accepted states, the present one first.
    ///
    /// # Errors
    /// [`CustodyError::Unmeasured`], [`CustodyError::NothingSelected`], unless forced.
    pub(crate) fn states(&self, present: PcrState) -> Result<Vec<PcrState>, CustodyError> {
        let mut states = [present].to_vec();
        for state in &self.also {
            if !states.contains(state) {
                states.push(state.clone());
            }
        }
        if self.force == Force::No {
            states.iter().try_for_each(PcrState::check_measured)?;
        }
        Ok(states)
    }
}

/// The public half of the key with which an administrator approves policies: ECDSA on P-256. The
/// private half never comes near the manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdministratorKey {
    /// The point's x coordinate, big-endian.
    pub x: [u8; 32],
    /// Its y coordinate.
    pub y: [u8; 32],
}

/// A state of the PCRs, approved by the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The state.
    pub state: PcrState,
    /// The epoch in which it is accepted.
    pub epoch: u64,
    /// ECDSA over [`approval_digest`](crate::approval_digest): r and s, big-endian.
    pub signature: [u8; 64],
}
