//! The secret's life with a hardware TPM.

use crate::access::Access;
use crate::error::CustodyError;
use crate::link::Platform;
use crate::policy::{Force, Policy};
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
        let recorded = content.lasting.tpm2;
        let is_judged = matches!(content.body, Body::Tpm20(_)) && !self.access.version_changed;
        if is_judged && recorded != self.access.tpm2 {
            return Err(CustodyError::WordChanged { recorded });
        }
        let secret = match &content.body {
            Body::Tpm20(body) => tpm20::unseal(&mut self.platform, &self.access, body)?,
            Body::Tpm12(body) => tpm12::unseal(&mut self.platform, &self.access, body)?,
            Body::Clear(_) => return Err(CustodyError::Damaged),
        };
        verify(sealed, &secret)?;
        Ok(secret)
    }

    /// What is to be kept from now on when `version=changed` allowed another word than the one on
    /// record; `None` when that is as it was.
    ///
    /// # Errors
    /// [`CustodyError`] as for damage.
    pub fn record_word(
        &self,
        sealed: &SealedSecret,
        secret: &Secret,
    ) -> Result<Option<SealedSecret>, CustodyError> {
        let mut content = checked(sealed, secret)?;
        let is_tpm20 = matches!(content.body, Body::Tpm20(_));
        if !is_tpm20 || content.lasting.tpm2 == self.access.tpm2 {
            return Ok(None);
        }
        content.lasting.tpm2 = self.access.tpm2;
        encode(&content, secret).map(Some)
    }

    /// The same secret under another policy. Recovery key and counter stay as they are. The old
    /// blob stays good for whoever kept a copy of it.
    ///
    /// # Errors
    /// [`CustodyError`], such as [`CustodyError::Administered`]; the old blob is still good then.
    pub fn reseal(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        policy: &Policy,
    ) -> Result<SealedSecret, CustodyError> {
        if checked(sealed, secret)?.body.administrator().is_some() {
            return Err(CustodyError::Administered);
        }
        self.begin_anew(sealed, secret, policy)
    }

    /// The same secret, sealed to this TPM after a recovery, perhaps from another one. An
    /// administrator's key is forgotten. Recovery key and counter stay as they are.
    ///
    /// # Errors
    /// [`CustodyError`]; the old blob is still good then.
    pub fn begin_anew(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        policy: &Policy,
    ) -> Result<SealedSecret, CustodyError> {
        let content = checked(sealed, secret)?;
        self.sealed_anew(content.lasting, &Order::Present(policy), secret)
    }

    /// Whether `before` was made with another TPM than `now`, which this one has just made. A TPM that
    /// was cleared is another one; where it cannot be told, it counts as the same.
    ///
    /// # Errors
    /// [`CustodyError`] when a blob is unreadable.
    pub fn came_from_elsewhere(
        &mut self,
        before: &SealedSecret,
        now: &SealedSecret,
    ) -> Result<bool, CustodyError> {
        Ok(match (decode(before)?.body, decode(now)?.body) {
            (Body::Tpm20(before), Body::Tpm20(now)) => before.is_of_another_tpm_than(&now),
            (Body::Tpm12(before), Body::Tpm12(_)) => {
                tpm12::is_of_another_tpm(&mut self.platform, &self.access, &before)
            }
            _ => true,
        })
    }

    /// Replaces what the secret is sealed to and proves that it can be had back.
    pub(crate) fn sealed_anew(
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
        let lasting = Lasting { tpm2: self.access.tpm2, ..lasting }.on(&body);
        let sealed = encode(&Content { forced, lasting, body }, secret)?;
        let again = self.unseal(&sealed)?;
        if again == *secret { Ok(sealed) } else { Err(CustodyError::Damaged) }
    }
}

pub(crate) fn checked(sealed: &SealedSecret, secret: &Secret) -> Result<Content, CustodyError> {
    verify(sealed, secret)?;
    decode(sealed)
}
