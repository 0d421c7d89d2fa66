//! Keys of a TPM 2.0.

use super::{ALG_NULL, ENDORSEMENT, NULL, OWNER, Proof, authorised, plain, structure};
use tpm_wire::PacketBuilder;
use tpm_wire::tpm20::HashAlgorithm;

const ALG_RSA: u16 = 0x01;
const ALG_AES: u16 = 0x06;
const ALG_KEYEDHASH: u16 = 0x08;
const ALG_RSASSA: u16 = 0x14;
const ALG_ECDSA: u16 = 0x18;
const ALG_ECC: u16 = 0x23;
const ALG_CFB: u16 = 0x43;
const P256: u16 = 0x03;
const AES_BITS: u16 = 128;
/// A ticket of a digest that the TPM did not make itself (`TPM_ST_HASHCHECK`).
const HASHCHECK: u16 = 0x8024;

/// Attributes (Part 2, 8.3 `TPMA_OBJECT`).
mod attribute {
    pub(super) const FIXED: u32 = 0b1_0010;
    pub(super) const SENSITIVE_DATA_ORIGIN: u32 = 1 << 5;
    pub(super) const USER_WITH_AUTH: u32 = 1 << 6;
    pub(super) const NO_DA: u32 = 1 << 10;
    pub(super) const RESTRICTED: u32 = 1 << 16;
    pub(super) const DECRYPT: u32 = 1 << 17;
    pub(super) const SIGN: u32 = 1 << 18;
    /// What all keys here have.
    pub(super) const KEY: u32 = FIXED | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH;
}

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A storage key, RSA with this many bits.
    RsaStorage(u16),
    /// A signing key, RSA with this many bits and RSASSA-PKCS1-v1_5 with SHA-256.
    RsaSigning(u16),
    /// A storage key, ECC on NIST P-256.
    EccStorage,
    /// A signing key, ECC on NIST P-256 and ECDSA with SHA-256.
    EccSigning,
}

/// What to make.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// What kind of key.
    pub kind: Kind,
    /// Its password; one that is not empty is protected against guessing.
    pub password: &'a [u8],
    /// What tells this key from others of the same seed.
    pub unique: &'a [u8],
}

impl Template<'_> {
    /// A template without password.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self { kind, password: &[], unique: &[] }
    }

    /// The `TPMT_PUBLIC` (Part 2, 12.2.4).
    fn public(&self) -> Vec<u8> {
        let guarded = if self.password.is_empty() { attribute::NO_DA } else { 0 };
        let attributes = attribute::KEY | guarded | self.purpose();
        let algorithm = if self.is_rsa() { ALG_RSA } else { ALG_ECC };
        structure(|public| {
            let head = public.u16(algorithm).u16(HashAlgorithm::SHA256.0).u32(attributes);
            self.parameters(head.sized(&[]))
        })
    }

    const fn is_rsa(&self) -> bool {
        matches!(self.kind, Kind::RsaStorage(_) | Kind::RsaSigning(_))
    }

    const fn purpose(&self) -> u32 {
        match self.kind {
            Kind::RsaStorage(_) | Kind::EccStorage => attribute::RESTRICTED | attribute::DECRYPT,
            Kind::RsaSigning(_) | Kind::EccSigning => attribute::SIGN,
        }
    }

    fn parameters(&self, public: PacketBuilder) -> PacketBuilder {
        let protects = |public: PacketBuilder| public.u16(ALG_AES).u16(AES_BITS).u16(ALG_CFB);
        let signs = |public: PacketBuilder, scheme| {
            public.u16(ALG_NULL).u16(scheme).u16(HashAlgorithm::SHA256.0)
        };
        let public = match self.kind {
            Kind::RsaStorage(bits) => protects(public).u16(ALG_NULL).u16(bits).u32(0),
            Kind::RsaSigning(bits) => signs(public, ALG_RSASSA).u16(bits).u32(0),
            Kind::EccStorage => protects(public).u16(ALG_NULL).u16(P256).u16(ALG_NULL),
            Kind::EccSigning => signs(public, ALG_ECDSA).u16(P256).u16(ALG_NULL),
        };
        if self.is_rsa() { public.sized(self.unique) } else { public.sized(self.unique).sized(&[]) }
    }

    /// TPM2_CreatePrimary under the owner (Part 3, 24.1).
    #[must_use]
    pub fn create_primary(&self) -> Vec<u8> {
        let sensitive = structure(|s| s.sized(self.password).sized(&[]));
        let command = authorised(0x131, &[OWNER], &Proof::Password(&[]));
        command.sized(&sensitive).sized(&self.public()).sized(&[]).u32(0).finish()
    }

    /// TPM2_Create under a storage key (Part 3, 12.1).
    #[must_use]
    pub fn create(&self, parent: u32) -> Vec<u8> {
        let sensitive = structure(|s| s.sized(self.password).sized(&[]));
        let command = authorised(0x153, &[parent], &Proof::Password(&[]));
        command.sized(&sensitive).sized(&self.public()).sized(&[]).u32(0).finish()
    }
}

/// TPM2_CreatePrimary of the RSA-2048 endorsement key that programs make by default (TCG EK Credential
/// Profile 2.5, B.3.3, template L-1).
#[must_use]
pub fn create_endorsement() -> Vec<u8> {
    const POLICY: &str = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
    let digit = |at: usize| u8::from_str_radix(&POLICY[at..at + 2], 16).expect("a digit");
    let policy: Vec<u8> = (0..POLICY.len()).step_by(2).map(digit).collect();
    let purpose = attribute::RESTRICTED | attribute::DECRYPT;
    let admin_with_policy = 1 << 7;
    let attributes =
        attribute::FIXED | attribute::SENSITIVE_DATA_ORIGIN | admin_with_policy | purpose;
    let public = structure(|public| {
        let head = public.u16(ALG_RSA).u16(HashAlgorithm::SHA256.0).u32(attributes).sized(&policy);
        let protects = head.u16(ALG_AES).u16(AES_BITS).u16(ALG_CFB);
        protects.u16(ALG_NULL).u16(2048).u32(0).sized(&[0; 256])
    });
    let sensitive = structure(|s| s.sized(&[]).sized(&[]));
    let command = authorised(0x131, &[ENDORSEMENT], &Proof::Password(&[]));
    command.sized(&sensitive).sized(&public).sized(&[]).u32(0).finish()
}

/// TPM2_Create of a sealed secret that only a policy opens (Part 3, 12.1).
#[must_use]
pub fn seal(parent: u32, secret: &[u8], policy: &[u8]) -> Vec<u8> {
    let sensitive = structure(|s| s.sized(&[]).sized(secret));
    let public = structure(|public| {
        let head = public.u16(ALG_KEYEDHASH).u16(HashAlgorithm::SHA256.0).u32(attribute::FIXED);
        head.sized(policy).u16(ALG_NULL).sized(&[])
    });
    let command = authorised(0x153, &[parent], &Proof::Password(&[]));
    command.sized(&sensitive).sized(&public).sized(&[]).u32(0).finish()
}

/// TPM2_Load of what TPM2_Create answered (Part 3, 12.2).
///
/// # Panics
/// When `created` is no successful answer of TPM2_Create.
#[must_use]
pub fn load(parent: u32, created: &[u8]) -> Vec<u8> {
    let mut parameters = tpm_wire::Reader::new(&created[14..]);
    let mut part = || parameters.sized().expect("a private or public area");
    let (private, public) = (part(), part());
    let command = authorised(0x157, &[parent], &Proof::Password(&[]));
    command.sized(private).sized(public).finish()
}

/// TPM2_ReadPublic (Part 3, 12.4).
#[must_use]
pub fn read_public(key: u32) -> Vec<u8> {
    plain(0x173).u32(key).finish()
}

/// TPM2_Unseal (Part 3, 12.7).
#[must_use]
pub fn unseal(object: u32, with: &Proof<'_>) -> Vec<u8> {
    authorised(0x15E, &[object], with).finish()
}

/// TPM2_Sign of a digest of 32 bytes with the key's own scheme (Part 3, 20.2).
#[must_use]
pub fn sign(key: u32, password: &[u8], digest: &[u8; 32]) -> Vec<u8> {
    let command = authorised(0x15D, &[key], &Proof::Password(password));
    command.sized(digest).u16(ALG_NULL).u16(HASHCHECK).u32(NULL).sized(&[]).finish()
}

/// TPM2_VerifySignature of what TPM2_Sign answered (Part 3, 20.1).
///
/// # Panics
/// When `signed` is no successful answer of TPM2_Sign.
#[must_use]
pub fn verify(key: u32, digest: &[u8; 32], signed: &[u8]) -> Vec<u8> {
    let end = signed.len() - 5;
    plain(0x177).u32(key).sized(digest).bytes(&signed[14..end]).finish()
}

/// TPM2_Quote of one PCR of the SHA-256 bank (Part 3, 18.4).
#[must_use]
pub fn quote(key: u32, nonce: &[u8], pcr: u8) -> Vec<u8> {
    let command = authorised(0x158, &[key], &Proof::Password(&[])).sized(nonce).u16(ALG_NULL);
    command.bytes(&super::session::selection(pcr)).finish()
}
