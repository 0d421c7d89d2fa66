//! The keeper without a hardware TPM (`hwtpm=none`).

use super::{Ground, PolicyDone, RootError, RootKeeper, policy};
use tpm_wire::manager::PolicyCommand;
use vtpm_custody::{first_start_without_tpm, open_without_tpm};
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
        _: Ground<'_>,
        (_, sealed): (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        match command {
            PolicyCommand::Show => policy::report(sealed, || Ok(None)),
            _ => Err(RootError(
                "the store's secret is in clear (hwtpm=none), so it has no policy".into(),
            )),
        }
    }
}
