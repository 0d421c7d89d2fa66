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
use vtpm_custody::CustodyError;
use vtpm_store::Secret;
use vtpm_store::manager::{Fields, SealedSecret};

/// What a keeper works with.
pub struct Ground<'a> {
    /// The hardware TPM, when there is one.
    pub hardware: Option<&'a mut Hardware>,
    /// Random bytes.
    pub entropy: &'a mut dyn Entropy,
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

/// Keeps the store's secret, and the counter that tells an older copy of the store.
///
/// A commit asks twice: before it writes, for the numbers to write, and after its flush, before
/// anybody is answered. A keeper with a counter writes n + 1 first and lets the hardware follow.
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

    /// Judges the numbers of a store that was just opened.
    ///
    /// # Errors
    /// [`RootError`] when the store is an older copy.
    fn judge(&mut self, ground: Ground<'_>, fields: &Fields) -> Result<(), RootError> {
        let _ = (ground, fields);
        Ok(())
    }

    /// The numbers that the next commit is to write.
    fn before_commit(&mut self, fields: Fields) -> Fields {
        fields
    }

    /// The commit with these numbers is durable; nobody has been answered.
    ///
    /// # Errors
    /// [`RootError`]: nobody is told that anything was kept.
    fn after_commit(&mut self, ground: Ground<'_>, fields: &Fields) -> Result<(), RootError> {
        let _ = (ground, fields);
        Ok(())
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

    /// Whether a recovery key could open what this keeper cannot.
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
    ) -> Result<(Secret, SealedSecret), RootError> {
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

    fn judge(&mut self, ground: Ground<'_>, fields: &Fields) -> Result<(), RootError> {
        (**self).judge(ground, fields)
    }

    fn before_commit(&mut self, fields: Fields) -> Fields {
        (**self).before_commit(fields)
    }

    fn after_commit(&mut self, ground: Ground<'_>, fields: &Fields) -> Result<(), RootError> {
        (**self).after_commit(ground, fields)
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
    ) -> Result<(Secret, SealedSecret), RootError> {
        (**self).recover(ground, sealed, key, force)
    }
}
