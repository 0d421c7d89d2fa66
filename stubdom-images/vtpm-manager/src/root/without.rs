//! The keeper without a hardware TPM (`hwtpm=none`).

use super::{Ground, PolicyDone, Recovered, RootError, RootKeeper, policy};
use tpm_wire::manager::{Force, PolicyCommand};
use vtpm_custody::{
    RecoveryKey, begin_anew_without_tpm, first_start_without_tpm, inspect, open_without_tpm,
    recover,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The secret is on the disk in clear; each start says what that loses.
#[derive(Clone, Copy, Debug, Default)]
pub struct WithoutHardware;

impl RootKeeper for WithoutHardware {
    fn first_start(&mut self, ground: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        Ok(first_start_without_tpm(ground.entropy)?)
    }

    fn open(&mut self, _: Ground<'_>, sealed: &SealedSecret) -> Result<Secret, RootError> {
        Ok(open_without_tpm(sealed)?)
    }

    fn policy(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        match command {
            PolicyCommand::Show => policy::report(kept.1, || Ok(None)),
            PolicyCommand::NewRecoveryKey { replace } => {
                policy::recovery_key(kept, *replace, ground.entropy)
            }
            _ => Err(RootError(
                "the store's secret is in clear (hwtpm=none), so it has no policy".into(),
            )),
        }
    }

    fn can_recover(&self, sealed: &SealedSecret) -> bool {
        inspect(sealed).is_ok_and(|overview| overview.has_recovery_key)
    }

    fn recover(
        &mut self,
        _: Ground<'_>,
        sealed: &SealedSecret,
        key: &str,
        _: Force,
    ) -> Result<Recovered, RootError> {
        let secret = recover(sealed, &RecoveryKey::parse(key)?)?;
        let sealed = begin_anew_without_tpm(sealed, &secret)?;
        Ok(Recovered { secret, sealed, from_elsewhere: true })
    }
}
