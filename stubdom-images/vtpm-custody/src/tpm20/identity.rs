//! Telling a TPM whose owner was cleared from another TPM.
//!
//! A clear replaces the storage seed, and every primary of the owner hierarchy with it; the
//! endorsement seed stays (Part 3, 24.6). A key of the endorsement hierarchy is therefore the same
//! as long as the TPM is.

use super::codes::ENDORSEMENT;
use super::create::create_primary;
use super::public::name_of;
use super::template::{KeyKind, storage};
use crate::error::CustodyError;
use crate::link::Link;
use crate::sealed::{Name, Parent, Sealed20};

/// The Name of a primary in the endorsement hierarchy, `None` where that hierarchy has an
/// authorisation or is switched off: then the two cases are not told apart.
pub(super) fn identity(
    link: &mut Link<'_, '_>,
    parent: Parent,
) -> Result<Option<Name>, CustodyError> {
    let kind = if parent == Parent::RsaPrimary { KeyKind::Rsa } else { KeyKind::Ecc };
    match create_primary(link, ENDORSEMENT, &[], &storage(kind)) {
        Ok(key) => {
            link.flush(key.handle)?;
            Ok(Some(name_of(&key.public)))
        }
        Err(CustodyError::Refused { .. } | CustodyError::Lockout { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why the parent is not the recorded one.
pub(super) fn diagnose(link: &mut Link<'_, '_>, sealed: &Sealed20) -> CustodyError {
    link.flush_loaded();
    match identity(link, sealed.parent) {
        Ok(found) if found.is_some() && found == sealed.identity => CustodyError::TpmCleared,
        Ok(_) => CustodyError::OtherTpm,
        Err(error) => error,
    }
}
