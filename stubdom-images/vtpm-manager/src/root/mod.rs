//! Who keeps the secret that opens the store.

mod hardware;
mod policy;
mod without;

pub use hardware::WithHardware;
pub use without::WithoutHardware;

use crate::hardware::Hardware;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use domain_io::Entropy;
use tpm_wire::manager::{Force, PolicyCommand};
use vtpm_custody::{CounterId, CustodyError, Former, Leftover};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// What a keeper works with.
pub struct Ground<'a> {
    /// The hardware TPM, when there is one.
    pub hardware: Option<&'a mut Hardware>,
    /// Random bytes.
    pub entropy: &'a mut dyn Entropy,
}

impl Ground<'_> {
    /// The same, for one more use.
    pub fn again(&mut self) -> Ground<'_> {
        Ground { hardware: self.hardware.as_deref_mut(), entropy: &mut *self.entropy }
    }
}

/// The secret cannot be kept or had, or the hardware's counter did not follow: one sentence that
/// says why and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootError(pub String);

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for RootError {}

impl From<CustodyError> for RootError {
    fn from(error: CustodyError) -> Self {
        Self(alloc::format!("{error}"))
    }
}

/// What a POLICY command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDone {
    /// The body of the answer.
    pub answer: Vec<u8>,
    /// What replaces the sealed secret on the disk before the answer is given.
    pub sealed: Option<SealedSecret>,
}

impl PolicyDone {
    /// Nothing changed; this is what was asked for.
    const fn answer(answer: Vec<u8>) -> Self {
        Self { answer, sealed: None }
    }

    /// The secret is sealed otherwise now.
    const fn sealed(sealed: SealedSecret) -> Self {
        Self { answer: Vec::new(), sealed: Some(sealed) }
    }
}

/// What a counter says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CounterValue {
    /// The random name that the counter was given when it was made.
    pub id: CounterId,
    /// Its value.
    pub value: u64,
}

/// A store that its recovery key opened.
pub struct Recovered {
    /// Its secret.
    pub secret: Secret,
    /// The secret, sealed to the machine as it is now.
    pub sealed: SealedSecret,
    /// It was sealed to another TPM before, or to none: no counter here can tell whether it is old.
    pub from_elsewhere: bool,
}

/// The store's counter cannot be read or advanced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterFault {
    /// It was made once, and is gone or somebody else's now.
    Lost(RootError),
    /// The hardware does not answer as it should.
    Failed(RootError),
}

/// Keeps the store's secret, and the counter that tells an older copy of the store.
pub trait RootKeeper {
    /// Makes the secret of a new store, and what is to be kept of it on the disk.
    ///
    /// # Errors
    /// [`RootError`], also when a store existed on this machine before.
    fn first_start(&mut self, ground: Ground<'_>) -> Result<(Secret, SealedSecret), RootError>;

    /// The secret, from what is kept on the disk.
    ///
    /// # Errors
    /// [`RootError`].
    fn open(&mut self, ground: Ground<'_>, sealed: &SealedSecret) -> Result<Secret, RootError>;

    /// What is to be kept in place of the sealed secret once the store is open, where the command
    /// line says so; `None` as a rule.
    ///
    /// # Errors
    /// [`RootError`].
    fn renewed(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
    ) -> Result<Option<SealedSecret>, RootError> {
        let _ = (ground, kept);
        Ok(None)
    }

    /// What the hardware's counter that goes with the store says; `None` where none was ever made.
    ///
    /// # Errors
    /// [`CounterFault`].
    fn counter(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
    ) -> Result<Option<CounterValue>, CounterFault> {
        let _ = (ground, kept);
        Ok(None)
    }

    /// Makes the counter; returns what is to be kept on the disk from now on, and its first value.
    ///
    /// # Errors
    /// [`RootError`].
    fn make_counter(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        former: Former,
    ) -> Result<(SealedSecret, CounterValue), RootError> {
        let _ = (ground, kept, former);
        Err(RootError("there is no hardware TPM to count".into()))
    }

    /// Advances the counter that was read or made last; returns what it says then.
    ///
    /// # Errors
    /// [`CounterFault`]; it may have advanced nevertheless.
    fn advance(&mut self, ground: Ground<'_>) -> Result<u64, CounterFault> {
        let _ = ground;
        Err(CounterFault::Failed(RootError("there is no hardware TPM to count".into())))
    }

    /// A counter in the hardware whose store is not at hand.
    ///
    /// # Errors
    /// [`RootError`].
    fn leftover(&mut self, ground: Ground<'_>) -> Result<Option<Leftover>, RootError> {
        let _ = ground;
        Ok(None)
    }

    /// Carries out a POLICY command from domain 0 on an open store.
    ///
    /// # Errors
    /// [`RootError`], whose sentence is the answer.
    fn policy(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError>;

    /// Whether a recovery key could open what this keeper cannot; not where the next start may find that it can.
    fn can_recover(&self, sealed: &SealedSecret) -> bool {
        let _ = sealed;
        false
    }

    /// Opens a store by its recovery key and seals its secret to the machine as it is now.
    ///
    /// # Errors
    /// [`RootError`], whose sentence is the answer.
    fn recover(
        &mut self,
        ground: Ground<'_>,
        sealed: &SealedSecret,
        key: &str,
        force: Force,
    ) -> Result<Recovered, RootError> {
        let _ = (ground, sealed, key, force);
        Err(RootError("there is no recovery key".into()))
    }
}

impl<K: RootKeeper + ?Sized> RootKeeper for alloc::boxed::Box<K> {
    fn first_start(&mut self, ground: Ground<'_>) -> Result<(Secret, SealedSecret), RootError> {
        (**self).first_start(ground)
    }

    fn open(&mut self, ground: Ground<'_>, sealed: &SealedSecret) -> Result<Secret, RootError> {
        (**self).open(ground, sealed)
    }

    fn renewed(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
    ) -> Result<Option<SealedSecret>, RootError> {
        (**self).renewed(ground, kept)
    }

    fn counter(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
    ) -> Result<Option<CounterValue>, CounterFault> {
        (**self).counter(ground, kept)
    }

    fn make_counter(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        former: Former,
    ) -> Result<(SealedSecret, CounterValue), RootError> {
        (**self).make_counter(ground, kept, former)
    }

    fn advance(&mut self, ground: Ground<'_>) -> Result<u64, CounterFault> {
        (**self).advance(ground)
    }

    fn leftover(&mut self, ground: Ground<'_>) -> Result<Option<Leftover>, RootError> {
        (**self).leftover(ground)
    }

    fn policy(
        &mut self,
        ground: Ground<'_>,
        kept: (&Secret, &SealedSecret),
        command: &PolicyCommand<'_>,
    ) -> Result<PolicyDone, RootError> {
        (**self).policy(ground, kept, command)
    }

    fn can_recover(&self, sealed: &SealedSecret) -> bool {
        (**self).can_recover(sealed)
    }

    fn recover(
        &mut self,
        ground: Ground<'_>,
        sealed: &SealedSecret,
        key: &str,
        force: Force,
    ) -> Result<Recovered, RootError> {
        (**self).recover(ground, sealed, key, force)
    }
}
