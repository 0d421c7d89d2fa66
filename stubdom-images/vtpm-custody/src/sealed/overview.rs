//! What may be told about a sealed secret without opening it.

use super::model::Body;
use super::{Kind, decode};
use crate::error::CustodyError;
use crate::pcr::PcrState;
use alloc::vec::Vec;
use vtpm_store::manager::SealedSecret;

/// Facts that are readable without any key, and not authenticated until the secret was unsealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// What it is sealed to.
    pub kind: Kind,
    /// Whether a recovery key was set.
    pub has_recovery_key: bool,
    /// Whether an administrator's key approves policies.
    pub has_administrator_key: bool,
    /// Whether checks of the policy were passed over by force.
    pub forced: bool,
    /// The states it is released to.
    pub states: Vec<PcrState>,
}

/// Reads the facts.
///
/// # Errors
/// [`CustodyError`] as for damage and unknown versions.
pub fn inspect(sealed: &SealedSecret) -> Result<Overview, CustodyError> {
    let content = decode(sealed)?;
    let kind = content.kind();
    let (states, has_administrator_key) = match content.body {
        Body::Clear(_) => (Vec::new(), false),
        Body::Tpm12(sealed) => (sealed.ways.into_iter().map(|way| way.state).collect(), false),
        Body::Tpm20(sealed) => {
            let states = sealed.branches.into_iter().map(|branch| branch.state).collect();
            (states, sealed.administrator.is_some())
        }
    };
    let has_recovery_key = content.lasting.recovery.is_some();
    Ok(Overview { kind, has_recovery_key, has_administrator_key, forced: content.forced, states })
}
