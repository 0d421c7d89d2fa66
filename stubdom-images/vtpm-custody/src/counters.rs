//! The counter that tells an older copy of the store from the newest one.

use crate::custody::{Custody, checked};
use crate::error::CustodyError;
use crate::sealed::{Body, Content, CounterId, RecordedCounter, encode};
use crate::{tpm12, tpm20};
use core::time::Duration;
use tpm_wire::TpmVersion;
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The NV index of the manager's counter, in the owner's range (TCG Registry of Reserved TPM 2.0
/// Handles 1.1, 2.2).
pub const COUNTER_INDEX: u32 = 0x0180_7674;

/// A store's counter in the hardware TPM, opened. Good until an answer is not authentic or the TPM
/// restarts.
pub enum Counter {
    /// An NV index of a TPM 2.0, with its own open session.
    Index(tpm20::NvCounter),
    /// A monotonic counter of a TPM 1.2.
    Monotonic(tpm12::MonotonicCounter),
}

impl Counter {
    /// When it was advanced last, by the domain's clock, where its TPM asks for time between two
    /// increments.
    #[must_use]
    pub const fn advanced(&self) -> Option<Duration> {
        match self {
            Self::Index(_) => None,
            Self::Monotonic(counter) => counter.advanced,
        }
    }

    /// The same TPM's counter was advanced then, before this one was opened.
    #[must_use]
    pub fn after(mut self, advanced: Option<Duration>) -> Self {
        if let Self::Monotonic(counter) = &mut self {
            counter.advanced = counter.advanced.max(advanced);
        }
        self
    }
}

/// A counter that was found.
pub struct FoundCounter {
    /// It.
    pub counter: Counter,
    /// What it says.
    pub value: u64,
    /// The name that it was given when it was made; zeros when that is not on record.
    pub id: CounterId,
}

/// A counter that was made.
pub struct MadeCounter {
    /// It.
    pub counter: Counter,
    /// Its first value, which is the TPM's choice.
    pub value: u64,
    /// The random name that it was given.
    pub id: CounterId,
    /// What is to be kept from now on: the secret as before, and which counter goes with it.
    pub sealed: SealedSecret,
}

/// What to do about a counter that is there when one is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Former {
    /// Stop: a store of this machine goes with it.
    Keep,
    /// Remove it, by an administrator's word.
    Remove,
}

/// A counter of a store that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it says, where the owner's authorisation is enough to read it.
    pub value: Option<u64>,
}

impl Custody<'_> {
    /// The counter that goes with the store and what it says; `None` where none was ever made.
    ///
    /// # Errors
    /// [`CustodyError::NoCounter`] when the one on record is gone, [`CustodyError::ForeignCounter`]
    /// when something else is in its place.
    pub fn counter(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
    ) -> Result<Option<FoundCounter>, CustodyError> {
        let content = self.content(sealed, secret)?;
        let recorded = content.lasting.counter.as_ref();
        let id = recorded.map(RecordedCounter::id).unwrap_or_default();
        match &content.body {
            Body::Tpm20(body) => {
                let found = tpm20::find_counter(
                    &mut self.platform,
                    &self.access,
                    body,
                    secret,
                    (COUNTER_INDEX, recorded),
                )?;
                Ok(found.map(|(counter, value)| FoundCounter {
                    counter: Counter::Index(counter),
                    value,
                    id,
                }))
            }
            Body::Tpm12(_) => {
                let found = tpm12::find_counter(&mut self.platform, secret, recorded)?;
                Ok(found.map(|(counter, value)| FoundCounter {
                    counter: Counter::Monotonic(counter),
                    value,
                    id,
                }))
            }
            Body::Clear(_) => Ok(None),
        }
    }

    /// Makes the counter. Needs the owner's authorisation.
    ///
    /// # Errors
    /// [`CustodyError::CounterExists`]: a store of this machine has one already.
    pub fn make_counter(
        &mut self,
        sealed: &SealedSecret,
        secret: &Secret,
        former: Former,
    ) -> Result<MadeCounter, CustodyError> {
        let mut content = self.content(sealed, secret)?;
        let mut id = CounterId::default();
        self.platform.entropy.fill(&mut id)?;
        let (platform, access) = (&mut self.platform, &self.access);
        let (counter, value, recorded) = match &content.body {
            Body::Tpm20(body) => {
                let (counter, value) =
                    tpm20::define(platform, access, body, secret, (COUNTER_INDEX, id, former))?;
                let recorded = counter.recorded();
                (Counter::Index(counter), value, recorded)
            }
            Body::Tpm12(_) => {
                let (counter, value) =
                    tpm12::create_counter(platform, access, secret, (id, former))?;
                let recorded = counter.recorded();
                (Counter::Monotonic(counter), value, recorded)
            }
            Body::Clear(_) => return Err(CustodyError::WrongMode),
        };
        content.lasting.counter = Some(recorded);
        Ok(MadeCounter { counter, value, id, sealed: encode(&content, secret)? })
    }

    /// The counter of some store, looked for without knowing that store's secret.
    ///
    /// # Errors
    /// [`CustodyError`] of the TPM.
    pub fn leftover_counter(&mut self) -> Result<Option<Leftover>, CustodyError> {
        match self.version {
            TpmVersion::Tpm20 => {
                tpm20::leftover_counter(&mut self.platform, &self.access, COUNTER_INDEX)
            }
            TpmVersion::Tpm12 => tpm12::leftover_counter(&mut self.platform),
        }
    }

    /// The counter's value as the TPM says it. A TPM 1.2 does not authenticate this answer; that of
    /// the next increment it does.
    ///
    /// # Errors
    /// [`CustodyError`]; after [`CustodyError::NotAuthentic`] the counter is to be opened anew.
    pub fn read_counter(&mut self, counter: &mut Counter) -> Result<u64, CustodyError> {
        match counter {
            Counter::Index(counter) => tpm20::read_counter(&mut self.platform, counter),
            Counter::Monotonic(counter) => tpm12::read_counter(&mut self.platform, counter),
        }
    }

    /// Advances the counter by one and tells its value then, authenticated. A TPM that holds writes
    /// back for their rate is waited for.
    ///
    /// # Errors
    /// [`CustodyError`]; the counter may have advanced nevertheless.
    pub fn increment_counter(&mut self, counter: &mut Counter) -> Result<u64, CustodyError> {
        match counter {
            Counter::Index(counter) => tpm20::increment(&mut self.platform, counter),
            Counter::Monotonic(counter) => tpm12::increment(&mut self.platform, counter),
        }
    }

    /// Ends the session of a counter that is to be opened anew.
    pub fn close_counter(&mut self, counter: Counter) {
        if let Counter::Index(counter) = counter {
            tpm20::close_counter(&mut self.platform, counter);
        }
    }

    /// A blob's content that is this secret's and of this TPM's kind.
    fn content(&self, sealed: &SealedSecret, secret: &Secret) -> Result<Content, CustodyError> {
        let content = checked(sealed, secret)?;
        content.kind().expect(self.version.into())?;
        Ok(content)
    }
}

impl RecordedCounter {
    /// The random name that the counter was given.
    pub(crate) const fn id(&self) -> CounterId {
        match self {
            Self::Index { id, .. } | Self::Monotonic { id, .. } => *id,
        }
    }

    /// The NV index and Name, when it is one.
    pub(crate) const fn index(&self) -> Option<(u32, &crate::sealed::Name)> {
        match self {
            Self::Index { index, name, id: _ } => Some((*index, name)),
            Self::Monotonic { .. } => None,
        }
    }

    /// The monotonic counter's handle and label, when it is one.
    pub(crate) const fn monotonic(&self) -> Option<(u32, [u8; 4])> {
        match self {
            Self::Monotonic { handle, label, id: _ } => Some((*handle, *label)),
            Self::Index { .. } => None,
        }
    }
}
