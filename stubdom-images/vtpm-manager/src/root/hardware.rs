//! The keeper with a hardware TPM: the secret is sealed to it under a policy over PCRs.

use super::policy::{self, approval, key, moved, selection};
use super::{CounterFault, CounterValue, Ground, PolicyDone, Recovered, RootError, RootKeeper};
use crate::hardware::Hardware;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use tpm_hw::Time;
use tpm_wire::manager::{Force, PolicyCommand};
use vtpm_custody::{
    Access, Counter, Custody, CustodyError, Former, FoundCounter, Leftover, PcrSelection, Platform,
    Policy, RecoveryKey, inspect, recover,
};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Seals to the hardware TPM.
pub struct WithHardware<T> {
    /// Its rights in the TPM.
    access: Access,
    /// For pauses while the TPM is busy.
    time: T,
    /// `seal=unmeasured`: a first start on a machine whose firmware measures nothing.
    force: Force,
    /// `pcrs=`: which PCRs a first start looks at, in place of the default.
    pcrs: Option<PcrSelection>,
    counter: Option<Counter>,
    /// When the last counter of this life was advanced: the TPM is spared also by one that was opened anew.
    advanced: Option<Duration>,
    /// A recovery in this life of the manager found the store sealed to another TPM.
    from_elsewhere: bool,
    /// The TPM said nothing about the secret when it was asked for it.
    said_nothing: bool,
}

impl<T: Time> WithHardware<T> {
    /// With these rights; `force` is for a first start on a machine whose firmware measures nothing.
    pub const fn new(access: Access, time: T, force: Force) -> Self {
        Self {
            access,
            time,
            force,
            pcrs: None,
            counter: None,
            advanced: None,
            from_elsewhere: false,
            said_nothing: false,
        }
    }

    /// The same with this selection for a first start.
    #[must_use]
    pub fn selecting(self, pcrs: Option<PcrSelection>) -> Self {
        Self { pcrs, ..self }
    }

    /// Says when `pcrs=` comes too late.
    fn compare_pcrs(&self, sealed: &SealedSecret) -> Result<(), RootError> {
        let Some(wanted) = &self.pcrs else { return Ok(()) };
        let states = inspect(sealed)?.states;
        if let Some(way) = states.iter().find(|way| way.state.selection() != wanted) {
            log::warn!(
                "pcrs={wanted} has no effect: the store is sealed to {} since an earlier start; \
                 policy reseal --pcrs {wanted} changes that, or take pcrs= out of extra=",
                way.state.selection()
            );
        }
        Ok(())
    }

    fn custody<'s, 'g: 's>(&'s self, ground: Ground<'g>) -> Result<Custody<'s>, RootError> {
        let Ground { hardware: Some(Hardware { tpm, version }), entropy } = ground else {
            return Err(RootError("there is no hardware TPM".into()));
        };
        let platform = Platform { tpm: tpm.as_mut(), time: &self.time, entropy };
        Ok(Custody::new(platform, *version, self.access.clone()))
    }

    /// Seals under another policy.
    fn change(
        &self,
        ground: Ground<'_>,
        (secret, sealed): (&Secret, &SealedSecret),
        wanted: &Policy,
    ) -> Result<PolicyDone, RootError> {
        Ok(PolicyDone::sealed(self.custody(ground)?.reseal(sealed, secret, wanted)?))
    }
}

fn fault(error: CustodyError) -> CounterFault {
    match error {
        CustodyError::NoCounter(_) | CustodyError::ForeignCounter(_) => {
            CounterFault::Lost(error.into())
        }
        _ => CounterFault::Failed(error.into()),
    }
}

impl<T: Time> RootKeeper for WithHardware<T> {
    fn first_start(&mut self, ground: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        let selection = self.pcrs.clone();
        if let Some(pcrs) = selection.as_ref().filter(|pcrs| pcrs.goes_beyond_default()) {
            // Whatever was forced: nobody can have a recovery key yet.
            return Err(RootError(format!(
                "pcrs={pcrs} looks at more than PCRs 5 and 7, which the next update may change, and \
                 there is no recovery key yet: take pcrs= out of extra=, start, make a recovery key \
                 (policy recovery-key), then policy reseal --pcrs {pcrs}"
            )));
        }
        let chosen = Policy { selection, force: policy::force(self.force), ..Policy::default() };
        Ok(self.custody(ground)?.first_start(&chosen)?)
    }

    fn open(&mut self, ground: Ground<'_>, sealed: &SealedSecret) -> Result<Secret, RootError> {
        let unsealed = self.custody(ground)?.unseal(sealed);
        self.said_nothing = unsealed.as_ref().is_err_and(CustodyError::is_passing);
        let secret = unsealed?;
        self.compare_pcrs(sealed)?;
        Ok(secret)
    }

    fn renewed(
        &mut self,
        ground: Ground<'_>,
        (secret, sealed): (&Secret, &SealedSecret),
    ) -> Result<Option<SealedSecret>, RootError> {
        let renewed = self.custody(ground)?.record_word(sealed, secret)?;
        if renewed.is_some() {
            let now = if self.access.tpm2 { "with" } else { "without" };
            log::warn!(
                "the store goes on {now} tpm2 on the command line, by an administrator's word: take \
                 version=changed out of extra="
            );
        }
        Ok(renewed)
    }

    fn counter(
        &mut self,
        ground: Ground<'_>,
        (secret, sealed): (&Secret, &SealedSecret),
    ) -> Result<Option<CounterValue>, CounterFault> {
        let former = self.counter.take();
        let mut custody = self.custody(ground).map_err(CounterFault::Failed)?;
        if let Some(former) = former {
            custody.close_counter(former);
        }
        let found = custody.counter(sealed, secret).map_err(fault)?;
        Ok(found.map(|FoundCounter { counter, value, id }| {
            self.counter = Some(counter.after(self.advanced));
            CounterValue { id, value }
        }))
    }

    fn make_counter(
        &mut self,
        ground: Ground<'_>,
        (secret, sealed): (&Secret, &SealedSecret),
        former: Former,
    ) -> Result<(SealedSecret, CounterValue), RootError> {
        let made = self.custody(ground)?.make_counter(sealed, secret, former);
        let made = made.map_err(|error| match error {
            CustodyError::OwnerAuth => RootError(format!(
                "{error}; a counter cannot be made without: rollback=off goes without one \
                 (docs/rollback.md)"
            )),
            other => other.into(),
        })?;
        self.counter = Some(made.counter.after(self.advanced));
        Ok((made.sealed, CounterValue { id: made.id, value: made.value }))
    }

    fn advance(&mut self, ground: Ground<'_>) -> Result<u64, CounterFault> {
        let Some(mut counter) = self.counter.take() else {
            let why = "the hardware TPM's counter is not open";
            return Err(CounterFault::Failed(RootError(why.into())));
        };
        let custody = self.custody(ground);
        let advanced = custody.map(|mut custody| custody.increment_counter(&mut counter));
        self.advanced = counter.advanced();
        self.counter = Some(counter);
        advanced.map_err(CounterFault::Failed)?.map_err(fault)
    }

    fn leftover(&mut self, ground: Ground<'_>) -> Result<Option<Leftover>, RootError> {
        Ok(self.custody(ground)?.leftover_counter()?)
    }

    fn policy(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        use PolicyCommand as P;
        let (secret, sealed) = kept;
        match command {
            P::Show => policy::report(sealed, || Ok(self.custody(ground)?.epoch(sealed)?)),
            P::Accepted(number) => policy::accepted(sealed, *number),
            P::NewRecoveryKey { replace } => policy::recovery_key(kept, *replace, ground.entropy),
            P::Reseal { selection, force, also } => {
                self.change(ground, kept, &policy::chosen(selection, *force, also)?)
            }
            P::Add { force, states } => {
                self.change(ground, kept, &moved(sealed, *force, states, true)?)
            }
            P::Drop { force } => self.change(ground, kept, &moved(sealed, *force, &[], false)?),
            P::Present { selection: of } => {
                let of = selection(of)?;
                Ok(policy::told(&self.custody(ground)?.present(sealed, of.as_ref())?, None))
            }
            P::PrepareEpoch => {
                let epoch = self.custody(ground)?.prepare_epoch(sealed, secret)?;
                Ok(PolicyDone::answer(epoch.to_be_bytes().to_vec()))
            }
            P::Enrol { key: of, approvals } => {
                let given = approvals.iter().map(approval).collect::<Result<Vec<_>, _>>()?;
                let mut custody = self.custody(ground)?;
                let sealed = custody.set_administrator(sealed, secret, &key(*of), &given)?;
                log::warn!("an administrator's key approves states of the machine from now on");
                Ok(PolicyDone::sealed(sealed))
            }
            P::Approve(given) => {
                let given = approval(given)?;
                Ok(PolicyDone::sealed(self.custody(ground)?.approve(sealed, secret, &given)?))
            }
            P::Retire => {
                let (sealed, epoch) = self.custody(ground)?.retire(sealed, secret)?;
                log::warn!("approvals of earlier epochs than {epoch} were retired");
                Ok(PolicyDone { answer: epoch.to_be_bytes().to_vec(), sealed: Some(sealed) })
            }
            P::Recover { key, force } => {
                let key = core::str::from_utf8(key).unwrap_or_default();
                let recovered = self.recover(ground, sealed, key, *force)?;
                log::warn!("the policy was begun anew with the recovery key");
                Ok(PolicyDone::sealed(recovered.sealed))
            }
        }
    }

    fn can_recover(&self, sealed: &SealedSecret) -> bool {
        !self.said_nothing && inspect(sealed).is_ok_and(|overview| overview.has_recovery_key)
    }

    fn recover(
        &mut self,
        ground: Ground<'_>,
        sealed: &SealedSecret,
        key: &str,
        force: Force,
    ) -> Result<Recovered, RootError> {
        let secret = recover(sealed, &RecoveryKey::parse(key)?)?;
        let chosen = Policy { force: policy::force(force), ..Policy::default() };
        let mut custody = self.custody(ground)?;
        let anew = custody.begin_anew(sealed, &secret, &chosen)?;
        // A first try that failed half-way has left a disk that is sealed to this TPM.
        self.from_elsewhere |= custody.came_from_elsewhere(sealed, &anew)?;
        Ok(Recovered { secret, sealed: anew, from_elsewhere: self.from_elsewhere })
    }
}
