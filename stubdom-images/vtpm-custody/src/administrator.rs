//! The administrator's key: who approves states of the machine, and how approvals end. TPM 2.0 only.

use crate::custody::{Custody, checked};
use crate::error::CustodyError;
use crate::pcr::{PcrSelection, PcrState};
use crate::policy::{AdministratorKey, Approval};
use crate::sealed::{Body, Content, Sealed20, decode, encode};
use crate::tpm20::Order;
use crate::{tpm12, tpm20};
use alloc::boxed::Box;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

impl Custody<'_> {
    /// The present values of `selection`; of the selection that the secret is sealed under when
    /// none is given.
    ///
    /// # Errors
    /// [`CustodyError::NotAllocated`] and others.
    pub fn present(
        &mut self,
        sealed: &SealedSecret,
        selection: Option<&PcrSelection>,
    ) -> Result<PcrState, CustodyError> {
        let content = decode(sealed)?;
        content.kind().expect(self.version.into())?;
        let own = content.body.accepted().first().map(|way| way.state.selection().clone());
        let selection = selection.cloned().or(own).ok_or(CustodyError::Damaged)?;
        match &content.body {
            Body::Tpm20(body) => tpm20::present(&mut self.platform, &self.access, body, &selection),
            _ => tpm12::present(&mut self.platform, &selection),
        }
    }

    /// The epoch of approvals, as the TPM says it; `None` as long as none was made.
    ///
    /// # Errors
    /// [`CustodyError::ForeignEpoch`], [`CustodyError::WrongMode`] on a TPM 1.2.
    pub fn epoch(&mut self, sealed: &SealedSecret) -> Result<Option<u64>, CustodyError> {
        let body = body_20(decode(sealed)?)?;
        tpm20::current_epoch(&mut self.platform, &self.access, &body)
    }

    /// Makes the epoch of approvals where there is none, with the owner's authorisation, and tells
    /// it. Its first number is the TPM's choice.
    ///
    /// # Errors
    /// [`CustodyError::ForeignEpoch`] when another store's is there.
    pub fn prepare_epoch(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
    ) -> Result<u64, CustodyError> {
        let body = body_20(checked(sealed, secret)?)?;
        tpm20::prepare_epoch(&mut self.platform, &self.access, &body, secret)
    }

    /// From now on `key` approves what is accepted, and nothing else. The present state must be
    /// among `approvals`, for the present epoch. Needs a recovery key, since a lost private key
    /// would lock everybody out.
    ///
    /// # Errors
    /// [`CustodyError::NeedsRecoveryKey`], [`CustodyError::BadApproval`],
    /// [`CustodyError::OtherEpoch`], [`CustodyError::PcrsChanged`] when the present state is not
    /// approved, and others.
    pub fn set_administrator(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        key: &AdministratorKey,
        approvals: &[Approval],
    ) -> Result<SealedSecret, CustodyError> {
        let content = checked(sealed, secret)?;
        if content.lasting.recovery.is_none() {
            return Err(CustodyError::NeedsRecoveryKey);
        }
        self.sealed_anew(content.lasting, &Order::Approved(key, approvals), secret)
    }

    /// Accepts one more state that the administrator's key approved for this epoch or the next,
    /// such as the one after an update. The sealed object stays the same.
    ///
    /// # Errors
    /// [`CustodyError::BadApproval`], [`CustodyError::OtherEpoch`], [`CustodyError::WrongMode`]
    /// without an administrator's key.
    pub fn approve(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        approval: &Approval,
    ) -> Result<SealedSecret, CustodyError> {
        let mut content = checked(sealed, secret)?;
        let Body::Tpm20(body) = &mut content.body else { return Err(CustodyError::WrongMode) };
        tpm20::approve(&mut self.platform, &self.access, body, approval)?;
        encode(&content, secret)
    }

    /// Ends every approval of the present epoch, on copies of the disk, too, and tells the epoch
    /// that begins. The present state must be approved for it already. A power cut in between
    /// leaves a secret that opens all the same.
    ///
    /// # Errors
    /// [`CustodyError::NotApproved`], [`CustodyError::WrongMode`] without an administrator's key.
    pub fn retire(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
    ) -> Result<(SealedSecret, u64), CustodyError> {
        let mut content = checked(sealed, secret)?;
        let Body::Tpm20(body) = &mut content.body else { return Err(CustodyError::WrongMode) };
        let epoch = tpm20::retire(&mut self.platform, &self.access, body, secret)?;
        Ok((encode(&content, secret)?, epoch))
    }
}

fn body_20(content: Content) -> Result<Box<Sealed20>, CustodyError> {
    match content.body {
        Body::Tpm20(body) => Ok(body),
        _ => Err(CustodyError::WrongMode),
    }
}
