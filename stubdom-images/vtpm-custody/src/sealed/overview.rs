//! What may be told about a sealed secret without opening it.

use super::model::Accepted;
use super::{Kind, decode};
use crate::error::CustodyError;
use crate::policy::AdministratorKey;
use alloc::vec::Vec;
use vtpm_store::manager::SealedSecret;

/// Facts that are readable without any key, and not authenticated until the secret was unsealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// What it is sealed to.
    pub kind: Kind,
    /// Whether a recovery key was set.
    pub has_recovery_key: bool,
    /// The key that approves states, once one was set.
    pub administrator: Option<AdministratorKey>,
    /// Whether checks of the policy were passed over by force.
    pub forced: bool,
    /// The states it is released to.
    pub states: Vec<Accepted>,
}

/// Reads the facts.
///
/// # Errors
/// [`CustodyError`] as for damage and unknown versions.
pub fn inspect(sealed: &SealedSecret) -> Result<Overview, CustodyError> {
    let content = decode(sealed)?;
    let kind = content.kind();
    let states = content.body.accepted();
    let administrator = content.body.administrator();
    let has_recovery_key = content.lasting.recovery.is_some();
    Ok(Overview { kind, has_recovery_key, administrator, forced: content.forced, states })
}
