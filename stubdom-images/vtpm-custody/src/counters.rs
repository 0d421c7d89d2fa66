//! The counter that tells an older copy of the store from the newest one. TPM 2.0 only.

use crate::custody::Custody;
use crate::error::CustodyError;
use crate::sealed::{Body, Kind, Sealed20, decode, verify};
use crate::tpm20::{self, Counter};
use alloc::boxed::Box;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The NV index of the manager's counter, in the owner's range (TCG Registry of Reserved TPM 2.0
/// Handles 1.1, 2.2).
pub const COUNTER_INDEX: u32 = 0x0180_7674;

impl Custody<'_> {
    /// Makes the counter at `index` and tells its first value, which is not 0 on a TPM that had a
    /// counter before. Needs the owner's authorisation.
    ///
    /// # Errors
    /// [`CustodyError::CounterExists`]: a store of this machine had one already.
    pub fn define_counter(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        index: u32,
    ) -> Result<(Counter, u64), CustodyError> {
        let body = body_20(sealed, secret)?;
        tpm20::define(&mut self.platform, &self.access, &body, secret, index)
    }

    /// Opens the counter at `index` and tells its value.
    ///
    /// # Errors
    /// [`CustodyError::NoCounter`], [`CustodyError::ForeignCounter`] when it is not this store's.
    pub fn open_counter(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        index: u32,
    ) -> Result<(Counter, u64), CustodyError> {
        let body = body_20(sealed, secret)?;
        tpm20::open_counter(&mut self.platform, &self.access, &body, secret, index)
    }

    /// The counter's value as the TPM says it.
    ///
    /// # Errors
    /// [`CustodyError`]; after [`CustodyError::NotAuthentic`] the counter is to be opened anew.
    pub fn read_counter(&mut self, counter: &mut Counter) -> Result<u64, CustodyError> {
        tpm20::read_counter(&mut self.platform, counter)
    }

    /// Advances the counter by one and reads it back. A TPM that holds writes back for their rate
    /// is waited for.
    ///
    /// # Errors
    /// [`CustodyError`]; the counter may have advanced nevertheless.
    pub fn increment_counter(&mut self, counter: &mut Counter) -> Result<u64, CustodyError> {
        tpm20::increment(&mut self.platform, counter)
    }
}

fn body_20(sealed: &SealedSecret, secret: &Secret) -> Result<Box<Sealed20>, CustodyError> {
    verify(sealed, secret)?;
    let content = decode(sealed)?;
    content.kind().expect(Kind::Tpm20)?;
    let Body::Tpm20(body) = content.body else { return Err(CustodyError::Damaged) };
    Ok(body)
}
