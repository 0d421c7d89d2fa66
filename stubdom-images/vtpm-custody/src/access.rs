//! What a manager was told about its rights in the hardware TPM.

use tpm_hw::{Auth, HardwareArguments, Locality};

/// Authorisations and the parent key, as the domain's command line gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// `owner_auth=`. On a TPM 2.0 `well-known` stands for the empty authorisation of the owner
    /// hierarchy, anything else for these 20 bytes.
    pub owner_auth: Auth,
    /// `srk_auth=`, TPM 1.2 only.
    pub srk_auth: Auth,
    /// `srk_handle=`, TPM 2.0 only: a persistent storage key with empty authorisation to use as
    /// parent, for a TPM whose owner hierarchy has an authorisation that is not given here.
    pub srk_handle: Option<u32>,
    /// `tpm2`: whoever wrote the command line relies on a TPM 2.0. With a secret that was sealed
    /// with the word it has to stay, and must not be added to one that was sealed without.
    pub tpm2: bool,
    /// `version=changed`: `tpm2` was added or dropped on purpose.
    pub version_changed: bool,
    /// `tpmlocality=`. A TPM 1.2 releases the secret to this locality only.
    pub locality: Locality,
}

impl Access {
    /// The authorisation of a TPM 2.0's owner hierarchy.
    pub(crate) fn owner_password(&self) -> &[u8] {
        if self.owner_auth == Auth::WELL_KNOWN { &[] } else { self.owner_auth.bytes() }
    }
}

impl From<&HardwareArguments> for Access {
    fn from(arguments: &HardwareArguments) -> Self {
        Self {
            owner_auth: arguments.owner_auth.clone(),
            srk_auth: arguments.srk_auth.clone(),
            srk_handle: arguments.srk_handle,
            tpm2: arguments.tpm2,
            version_changed: arguments.version_changed,
            locality: arguments.locality,
        }
    }
}
