//! The secret's life with a hardware TPM.

use crate::access::Access;
use crate::error::CustodyError;
use crate::link::Platform;
use crate::policy::{AdministratorKey, Approval, Force, Policy};
use crate::sealed::{Body, Content, Kind, Lasting, decode, encode, verify};
use crate::tpm20::Order;
use crate::{tpm12, tpm20};
use alloc::boxed::Box;
use tpm_wire::TpmVersion;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// Custody by one hardware TPM, which must have been started and flushed.
pub struct Custody<'p> {
    pub(crate) platform: Platform<'p>,
    pub(crate) version: TpmVersion,
    pub(crate) access: Access,
}

impl<'p> Custody<'p> {
    /// Nothing is sent to the TPM yet.
    #[must_use]
    pub const fn new(platform: Platform<'p>, version: TpmVersion, access: Access) -> Self {
        Self { platform, version, access }
    }

    /// A fresh secret, sealed to this TPM, whose parent key is recorded and trusted from here on.
    ///
    /// # Errors
    /// [`CustodyError`], also when the TPM does not unseal at once what it sealed.
    pub fn first_start(&mut self, policy: &Policy) -> Result<(Secret, SealedSecret), CustodyError> {
        let secret = Secret::random(self.platform.entropy)?;
        let sealed = self.sealed_anew(Lasting::default(), &Order::Present(policy), &secret)?;
        Ok((secret, sealed))
    }

    /// The secret.
    ///
    /// # Errors
    /// [`CustodyError`]: each says what to do next.
    pub fn unseal(&mut self, sealed: &SealedSecret) -> Result<Secret, CustodyError> {
        let content = decode(sealed)?;
        content.kind().expect(self.version.into())?;
        let secret = match &content.body {
            Body::Tpm20(body) => tpm20::unseal(&mut self.platform, &self.access, body)?,
            Body::Tpm12(body) => tpm12::unseal(&mut self.platform, &self.access, body)?,
            Body::Clear(_) => return Err(CustodyError::Damaged),
        };
        verify(sealed, &secret)?;
        Ok(secret)
    }

    /// The same secret under another policy, or sealed to this TPM after a recovery on another one.
    /// Recovery key and counter stay as they are. The old blob stays good for whoever kept a copy of it.
    ///
    /// # Errors
    /// [`CustodyError`]; the old blob is still good then.
    pub fn reseal(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        policy: &Policy,
    ) -> Result<SealedSecret, CustodyError> {
        let content = checked(sealed, secret)?;
        self.sealed_anew(content.lasting, &Order::Present(policy), secret)
    }

    /// From now on `key` approves what is accepted, and nothing else. The present state must be
    /// among `approvals`. TPM 2.0 only. Needs a recovery key, since a lost private key would lock
    /// everybody out.
    ///
    /// # Errors
    /// [`CustodyError::NeedsRecoveryKey`], [`CustodyError::BadApproval`],
    /// [`CustodyError::PcrsChanged`] when the present state is not approved, and others.
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

    /// Accepts one more state that the administrator's key approved, such as the one after an
    /// update. The sealed object stays the same.
    ///
    /// # Errors
    /// [`CustodyError::BadApproval`], [`CustodyError::WrongMode`] without an administrator's key.
    pub fn approve(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        approval: &Approval,
    ) -> Result<SealedSecret, CustodyError> {
        let mut content = checked(sealed, secret)?;
        content.kind().expect(self.version.into())?;
        let Body::Tpm20(body) = &mut content.body else { return Err(CustodyError::WrongMode) };
        tpm20::approve(&mut self.platform, body, approval)?;
        encode(&content, secret)
    }

    /// Replaces what the secret is sealed to and proves that it can be had back.
    fn sealed_anew(
        &mut self,
        lasting: Lasting,
        order: &Order<'_>,
        secret: &Secret,
    ) -> Result<SealedSecret, CustodyError> {
        let forced = matches!(order, Order::Present(policy) if policy.force == Force::Yes);
        let beyond_default = forced || lasting.recovery.is_some();
        let body = match (Kind::from(self.version), order) {
            (Kind::Tpm20, _) => Body::Tpm20(Box::new(tpm20::seal(
                &mut self.platform,
                &self.access,
                order,
                secret,
                beyond_default,
            )?)),
            (_, Order::Present(policy)) => Body::Tpm12(tpm12::seal(
                &mut self.platform,
                &self.access,
                policy,
                secret,
                beyond_default,
            )?),
            (_, Order::Approved(..)) => return Err(CustodyError::WrongMode),
        };
        let sealed = encode(&Content { forced, lasting: lasting.on(&body), body }, secret)?;
        let again = self.unseal(&sealed)?;
        if again == *secret { Ok(sealed) } else { Err(CustodyError::Damaged) }
    }
}

pub(crate) fn checked(sealed: &SealedSecret, secret: &Secret) -> Result<Content, CustodyError> {
    verify(sealed, secret)?;
    decode(sealed)
}
