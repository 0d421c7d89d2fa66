//! The key at the top: a primary of our own, or a persistent key that an administrator names.

use super::codes::{CAPABILITY_ECC_CURVES, OWNER, READ_PUBLIC, code};
use super::create::create_primary;
use super::object::Loaded;
use super::public::{P256, PublicKey, name_of, storage_key};
use super::salt::salt;
use super::session::{Session, SessionKind};
use super::template::{KeyKind, storage};
use crate::access::Access;
use crate::bytes::Bytes;
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::sealed::Parent;
use tpm_wire::tpm20::CommandCode;

/// The parent in use, and what sessions are salted with.
pub(super) struct OpenParent {
    pub(super) which: Parent,
    pub(super) key: Loaded,
    public: PublicKey,
}

impl OpenParent {
    /// A session that only this key's owner can follow.
    pub(super) fn session(
        &self,
        link: &mut Link<'_, '_>,
        kind: SessionKind,
    ) -> Result<Session, CustodyError> {
        let salt = salt(link, &self.public)?;
        Session::start(link, kind, Some((self.key.handle, salt)))
    }

    /// Makes room in the TPM when the key is not needed any more.
    pub(super) fn leave(self, link: &mut Link<'_, '_>) -> Result<(), CustodyError> {
        match self.which {
            Parent::Persistent(_) => Ok(()),
            Parent::EccPrimary | Parent::RsaPrimary => link.flush(self.key.handle),
        }
    }
}

/// The parent for something new: `srk_handle=` where given, else a primary on P-256 where the TPM
/// has that curve, else RSA-2048.
pub(super) fn choose(link: &mut Link<'_, '_>, access: &Access) -> Result<Parent, CustodyError> {
    if let Some(handle) = access.srk_handle {
        return Ok(Parent::Persistent(handle));
    }
    Ok(if has_p256(link)? { Parent::EccPrimary } else { Parent::RsaPrimary })
}

fn has_p256(link: &mut Link<'_, '_>) -> Result<bool, CustodyError> {
    let step = "TPM2_GetCapability";
    let content = Bytes::new().u32(CAPABILITY_ECC_CURVES).u32(u32::from(P256)).u32(1).finish();
    // A TPM without any curve may not know the capability either.
    let response = match link.plain(step, CommandCode::GET_CAPABILITY, &content) {
        Err(CustodyError::Refused { .. }) => return Ok(false),
        other => other?,
    };
    parse(step, &response.body, |reader| {
        let (_more, _capability, count) = (reader.u8()?, reader.u32()?, reader.u32()?);
        Ok(count > 0 && reader.u16()? == P256)
    })
}

/// Brings `which` into the TPM.
pub(super) fn open(
    link: &mut Link<'_, '_>,
    access: &Access,
    which: Parent,
) -> Result<OpenParent, CustodyError> {
    let (handle, public) = match which {
        Parent::EccPrimary => primary(link, access, KeyKind::Ecc)?,
        Parent::RsaPrimary => primary(link, access, KeyKind::Rsa)?,
        Parent::Persistent(handle) => (handle, persistent(link, handle)?),
    };
    let not_usable = |_| match which {
        Parent::Persistent(handle) => CustodyError::NotAStorageKey(handle),
        _ => CustodyError::Malformed { step: "TPM2_CreatePrimary" },
    };
    let name = name_of(&public);
    let public = storage_key(&public).map_err(not_usable)?;
    Ok(OpenParent { which, key: Loaded { handle, name }, public })
}

fn primary(
    link: &mut Link<'_, '_>,
    access: &Access,
    kind: KeyKind,
) -> Result<(u32, alloc::vec::Vec<u8>), CustodyError> {
    let primary = create_primary(link, OWNER, access.owner_password(), &storage(kind))
        .map_err(|error| {
            error.or_if(&[code::BAD_AUTH, code::AUTH_FAIL], || CustodyError::OwnerAuth)
        })
        .map_err(|error| error.or_if(&[code::HIERARCHY], || CustodyError::HierarchyDisabled))?;
    Ok((primary.handle, primary.public))
}

fn persistent(link: &mut Link<'_, '_>, handle: u32) -> Result<alloc::vec::Vec<u8>, CustodyError> {
    const PERSISTENT: u8 = 0x81;
    let step = "TPM2_ReadPublic";
    if handle.to_be_bytes()[0] != PERSISTENT {
        return Err(CustodyError::NoParent(handle));
    }
    let response = link
        .plain(step, READ_PUBLIC, &handle.to_be_bytes())
        .map_err(|error| error.or_if(&[code::HANDLE], || CustodyError::NoParent(handle)))?;
    parse(step, &response.body, |reader| Ok(reader.sized()?.to_vec()))
}
