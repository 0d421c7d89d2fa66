//! The keeper with a hardware TPM: the secret is sealed to it under a policy over PCRs.

use super::{Ground, PolicyDone, RootError, RootKeeper, policy};
use crate::hardware::Hardware;
use tpm_hw::Time;
use tpm_wire::manager::{Force, PolicyCommand};
use vtpm_custody::{Access, Custody, Platform, Policy, RecoveryKey, inspect, recover};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Seals to the hardware TPM.
#[derive(Clone, Debug)]
pub struct WithHardware<T> {
    /// Its rights in the TPM.
    pub access: Access,
    /// For pauses while the TPM is busy.
    pub time: T,
    /// `seal=unmeasured`: a first start on a machine whose firmware measures nothing.
    pub force: Force,
}

impl<T: Time> WithHardware<T> {
    fn custody<'s, 'g: 's>(&'s self, ground: Ground<'g>) -> Result<Custody<'s>, RootError> {
        let Ground { hardware: Some(Hardware { tpm, version }), entropy } = ground else {
            return Err(RootError("there is no hardware TPM".into()));
        };
        let platform = Platform { tpm: tpm.as_mut(), time: &self.time, entropy };
        Ok(Custody::new(platform, *version, self.access.clone()))
    }
}

impl<T: Time> RootKeeper for WithHardware<T> {
    fn first_start(&mut self, ground: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        let chosen = Policy { force: policy::force(self.force), ..Policy::default() };
        Ok(self.custody(ground)?.first_start(&chosen)?)
    }

    fn open(&mut self, ground: Ground<'_>, sealed: &SealedSecret) -> Result<Secret, RootError> {
        Ok(self.custody(ground)?.unseal(sealed)?)
    }

    fn policy(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        match command {
            PolicyCommand::Show => policy::report(kept.1),
            PolicyCommand::NewRecoveryKey => policy::recovery_key(kept, ground.entropy),
            PolicyCommand::Reseal { selection, force, also } => {
                let chosen = policy::chosen(selection, *force, also)?;
                let sealed = self.custody(ground)?.reseal(kept.1, kept.0, &chosen)?;
                Ok(PolicyDone { answer: alloc::vec::Vec::new(), sealed: Some(sealed) })
            }
            PolicyCommand::Recover { .. } => {
                Err(RootError("the store is open: there is nothing to recover".into()))
            }
        }
    }

    fn can_recover(&self, sealed: &SealedSecret) -> bool {
        inspect(sealed).is_ok_and(|overview| overview.has_recovery_key)
    }

    fn recover(
        &mut self,
        ground: Ground<'_>,
        sealed: &SealedSecret,
        key: &str,
        force: Force,
    ) -> Result<(Secret, SealedSecret), RootError> {
        let secret = recover(sealed, &RecoveryKey::parse(key)?)?;
        let chosen = Policy { force: policy::force(force), ..Policy::default() };
        let sealed = self.custody(ground)?.reseal(sealed, &secret, &chosen)?;
        Ok((secret, sealed))
    }
}
