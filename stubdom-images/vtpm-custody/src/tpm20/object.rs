//! Loaded keys and objects.

use super::codes::LOAD;
use super::public::name_of;
use super::session::{Call, Secrecy, Session};
use crate::bytes::Bytes;
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::sealed::{Name, ObjectBlob};

/// A key or object in the TPM.
pub(super) struct Loaded {
    pub(super) handle: u32,
    pub(super) name: Name,
}

/// Loads an object under a parent with empty authorisation.
pub(super) fn load(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    parent: &Loaded,
    blob: &ObjectBlob,
) -> Result<Loaded, CustodyError> {
    let step = "TPM2_Load";
    let answer = session.exchange(
        link,
        Call {
            step,
            code: LOAD,
            handles: &[(parent.handle, &parent.name)],
            parameters: Bytes::new().sized(&blob.private).sized(&blob.public).finish(),
            auth: Some(&[]),
            secrecy: Secrecy::None,
            gives_handle: true,
        },
    )?;
    let name = name_of(&blob.public);
    let told = parse(step, &answer.parameters, |reader| Ok(reader.sized()?.to_vec()))?;
    if told != name {
        return Err(CustodyError::NotAuthentic { step });
    }
    Ok(Loaded { handle: answer.handle, name })
}
