//! The content of a sealed secret.

use super::Kind;
use crate::crypto::Wrapped;
use crate::pcr::PcrState;
use crate::policy::AdministratorKey;
use alloc::boxed::Box;
use alloc::vec::Vec;
use vtpm_store::Secret;

/// A TPM 2.0 Name with SHA-256: the algorithm's number and the digest (Part 1, 16).
pub(crate) type Name = [u8; 34];

/// The random name of a counter, for the store to say which one its values are of.
pub type CounterId = [u8; 16];

/// All that a blob holds.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) forced: bool,
    pub(crate) lasting: Lasting,
    pub(crate) body: Body,
}

/// What stays when the secret is sealed anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lasting {
    /// The secret under the recovery key, once one was set.
    pub(crate) recovery: Option<Wrapped>,
    /// The hardware's counter that goes with the store, once there is one.
    pub(crate) counter: Option<RecordedCounter>,
    /// `tpm2` was on the command line when the secret was sealed to a TPM 2.0.
    pub(crate) tpm2: bool,
}

impl Lasting {
    /// As much of it as a body of this kind can go with: a counter stays behind with its TPM.
    pub(crate) fn on(mut self, body: &Body) -> Self {
        self.counter = self.counter.filter(|counter| match (counter, body) {
            (RecordedCounter::Index { .. }, Body::Tpm20(_))
            | (RecordedCounter::Monotonic { .. }, Body::Tpm12(_)) => true,
            (RecordedCounter::Index { .. } | RecordedCounter::Monotonic { .. }, _) => false,
        });
        self.tpm2 &= matches!(body, Body::Tpm20(_));
        self
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Clear(Secret),
    Tpm12(Sealed12),
    Tpm20(Box<Sealed20>),
}

impl Content {
    pub(crate) const fn kind(&self) -> Kind {
        match self.body {
            Body::Clear(_) => Kind::Clear,
            Body::Tpm12(_) => Kind::Tpm12,
            Body::Tpm20(_) => Kind::Tpm20,
        }
    }
}

/// Which counter of the TPM tells older copies of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordedCounter {
    /// An NV index of a TPM 2.0 and its Name, which vouches for its attributes.
    Index { index: u32, name: Name, id: CounterId },
    /// A monotonic counter of a TPM 1.2 and its label.
    Monotonic { handle: u32, label: [u8; 4], id: CounterId },
}

impl Body {
    /// The key that approves states, once one was set.
    pub(crate) const fn administrator(&self) -> Option<AdministratorKey> {
        match self {
            Self::Tpm20(sealed) => sealed.administrator,
            Self::Clear(_) | Self::Tpm12(_) => None,
        }
    }

    /// The states of the machine that the secret is released to.
    pub(crate) fn accepted(&self) -> Vec<Accepted> {
        let always = |way: &Way12| Accepted { state: way.state.clone(), epoch: None };
        match self {
            Self::Clear(_) => Vec::new(),
            Self::Tpm12(sealed) => sealed.ways.iter().map(always).collect(),
            Self::Tpm20(sealed) => sealed.branches.iter().map(Accepted::from).collect(),
        }
    }
}

/// A state of the machine that the secret is released to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The state.
    pub state: PcrState,
    /// The epoch of the administrator's approvals in which it is accepted; `None` where nobody has
    /// to approve.
    pub epoch: Option<u64>,
}

impl From<&Branch> for Accepted {
    fn from(branch: &Branch) -> Self {
        let epoch = branch.epoch.map(|epoch| epoch.value);
        Self { state: branch.state.clone(), epoch }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Sealed12 {
    /// One for each accepted state.
    pub(crate) ways: Vec<Way12>,
}

/// The secret, sealed to one state.
#[derive(Clone, Debug)]
pub(crate) struct Way12 {
    /// `TPM_STORED_DATA12` as TPM_Seal gave it.
    pub(crate) stored: Vec<u8>,
    /// The state it is released to, to name what differs.
    pub(crate) state: PcrState,
}

#[derive(Clone, Debug)]
pub(crate) struct Sealed20 {
    pub(crate) parent: Parent,
    /// The parent's Name at first start: sessions are salted to this key only.
    pub(crate) parent_name: Name,
    /// Name of a primary in the endorsement hierarchy, which outlives a clear; `None` when that
    /// hierarchy had an authorisation.
    pub(crate) identity: Option<Name>,
    pub(crate) storage_key: ObjectBlob,
    pub(crate) object: ObjectBlob,
    /// Approves states; without one the object's own policy lists them.
    pub(crate) administrator: Option<AdministratorKey>,
    pub(crate) branches: Vec<Branch>,
}

impl Sealed20 {
    /// Whether another TPM made this. A primary's Name follows from the seed of its TPM. A persistent
    /// key can be replaced by whoever has the owner's rights, so the identity decides there.
    pub(crate) fn is_of_another_tpm_than(&self, now: &Self) -> bool {
        let is_persistent = |parent| matches!(parent, Parent::Persistent(_));
        if self.parent == now.parent && !is_persistent(self.parent) {
            return self.parent_name != now.parent_name;
        }
        // Beside an RSA primary the identity is RSA, too: those of two kinds always differ.
        let one_is_rsa = [self, now].iter().any(|of| of.parent == Parent::RsaPrimary);
        let identities = self.identity.zip(now.identity);
        !one_is_rsa && identities.is_some_and(|(before, now)| before != now)
    }
}

/// The key that sessions are salted to and that wraps the storage key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parent {
    /// A primary of our ECC template.
    EccPrimary,
    /// A primary of our RSA template.
    RsaPrimary,
    /// A persistent key of somebody else.
    Persistent(u32),
}

/// An object as TPM2_Create gives it, without the lengths in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectBlob {
    pub(crate) public: Vec<u8>,
    pub(crate) private: Vec<u8>,
}

/// One way to fulfil the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) state: PcrState,
    /// What the epoch's NV index must say, once epochs are in use.
    pub(crate) epoch: Option<Epoch>,
    /// The administrator's; `None` as long as there is no administrator's key.
    pub(crate) signature: Option<[u8; 64]>,
}

/// A condition on an NV index (TPM2_PolicyNV, equal).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    pub(crate) index: u32,
    pub(crate) name: Name,
    pub(crate) value: u64,
}
