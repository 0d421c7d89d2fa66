//! What the manager keeps about one vTPM.

use crate::{HashKey, Uuid};
use alloc::vec::Vec;
use tpm_wire::TpmVersion;

/// The longest digest of an image or a label, in bytes (SHA-512).
pub const SHORT_HASH_BYTES: usize = 64;

/// The longest Name of an endorsement key, in bytes (TPM 2.0 Library Part 1, 16: algorithm and
/// digest, here up to SHA-512).
pub const EK_NAME_BYTES: usize = 66;

/// The longest public part of an endorsement key, in bytes (a DER SubjectPublicKeyInfo; RSA-4096
/// takes 550).
pub const EK_PUBLIC_BYTES: usize = 600;

/// Yes-or-no facts about a vTPM. Bits that are not named here are kept as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// May send the manager's management ordinals.
    pub const ADMIN: Self = Self(1);
    /// Made by a command from dom0, not by first contact.
    pub const PROVISIONED: Self = Self(1 << 1);
    /// Kept, but not served.
    pub const DISABLED: Self = Self(1 << 2);
    /// An administrator has let it go on from an older state, at least once.
    pub const WENT_BACK: Self = Self(1 << 3);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// With the bits of `other` set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The domain that last used a vTPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// Its domain id, which a later domain may have again.
    pub domain: u32,
    /// Its domain's uuid, or zeros when the hypervisor was not asked.
    pub uuid: Uuid,
}

/// What the manager keeps about one vTPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The vTPM's name and the key of this record.
    pub uuid: Uuid,
    /// Which TPM specification its state follows; never changes.
    pub version: TpmVersion,
    /// Yes-or-no facts.
    pub flags: Flags,
    /// How many saves were kept: the number of the saved state.
    pub generation: u64,
    /// The group it belongs to; 0 unless somebody said otherwise.
    pub group: u32,
    /// Hash and key of the saved state; `None` until the first save.
    pub hash_key: Option<HashKey>,
    /// Digest of the vTPM domain's image, empty when not known; at most [`SHORT_HASH_BYTES`].
    pub image_hash: Vec<u8>,
    /// Digest of the vTPM domain's security label, empty when there is none; at most
    /// [`SHORT_HASH_BYTES`].
    pub label_hash: Vec<u8>,
    /// An administrator's word that state of this older generation is taken once.
    pub accept_once: Option<u64>,
    /// The domain that used the vTPM last.
    pub frontend: Option<Frontend>,
    /// The Name of its endorsement key, empty when not known; at most [`EK_NAME_BYTES`].
    pub ek_name: Vec<u8>,
    /// The public part of its endorsement key, empty when not known; at most [`EK_PUBLIC_BYTES`].
    pub ek_public: Vec<u8>,
    /// Parts that a newer writer added, kept as they are: their tags (ascending) and bytes.
    pub(super) others: Vec<(u8, Vec<u8>)>,
}

impl Record {
    /// A vTPM without saved state, in group 0.
    #[must_use]
    pub const fn new(uuid: Uuid, version: TpmVersion) -> Self {
        Self {
            uuid,
            version,
            flags: Flags(0),
            generation: 0,
            group: 0,
            hash_key: None,
            image_hash: Vec::new(),
            label_hash: Vec::new(),
            accept_once: None,
            frontend: None,
            ek_name: Vec::new(),
            ek_public: Vec::new(),
            others: Vec::new(),
        }
    }
}
