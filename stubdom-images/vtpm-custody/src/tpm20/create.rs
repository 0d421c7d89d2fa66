//! Making keys and objects.

use super::codes::{CREATE, CREATE_PRIMARY};
use super::object::Loaded;
use super::session::{Call, Secrecy, Session, SessionKind};
use crate::bytes::Bytes;
use crate::error::CustodyError;
use crate::link::{Link, parse};
use crate::sealed::ObjectBlob;
use alloc::vec::Vec;
use tpm_wire::tpm20;
use zeroize::Zeroizing;

/// A key that was just made in a hierarchy.
pub(super) struct Primary {
    pub(super) handle: u32,
    pub(super) public: Vec<u8>,
}

/// `TPM2B_SENSITIVE_CREATE` with empty authorisation, public area, no outside information, no
/// creation PCRs.
fn parameters(data: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
    let sensitive = Bytes::new().u16(0).sized(data).finish();
    Bytes::new().sized(&sensitive).sized(public).u16(0).u32(0).finish()
}

/// Makes a primary. With an authorisation of the hierarchy the command goes through an unsalted
/// session, which does not show it: there is no key yet to salt a session to.
pub(super) fn create_primary(
    link: &mut Link<'_, '_>,
    hierarchy: u32,
    auth: &[u8],
    public: &[u8],
) -> Result<Primary, CustodyError> {
    let step = "TPM2_CreatePrimary";
    let content = parameters(&[], public);
    let (handle, answer) = if auth.is_empty() {
        let command = tpm20::authorised(CREATE_PRIMARY, hierarchy, &[]).bytes(&content).finish();
        let response = link.transmit(step, &command)?;
        let handle = response.handle(step)?;
        link.remember(handle);
        (handle, response.behind_password(step, size_of::<u32>())?)
    } else {
        let mut session = Session::start(link, SessionKind::Hmac, None)?;
        let call = Call {
            step,
            code: CREATE_PRIMARY,
            handles: &[(hierarchy, &hierarchy.to_be_bytes())],
            parameters: content,
            auth: Some(auth),
            secrecy: Secrecy::None,
            gives_handle: true,
        };
        let answer = session.exchange(link, call)?;
        link.flush(session.handle)?;
        (answer.handle, answer.parameters.to_vec())
    };
    let public = parse(step, &answer, |reader| Ok(reader.sized()?.to_vec()))?;
    Ok(Primary { handle, public })
}

/// Makes a key, or seals `data`, under a loaded parent with empty authorisation. The data is
/// encrypted on its way.
pub(super) fn create(
    link: &mut Link<'_, '_>,
    session: &mut Session,
    parent: &Loaded,
    data: &[u8],
    public: &[u8],
) -> Result<ObjectBlob, CustodyError> {
    let step = "TPM2_Create";
    let answer = session.exchange(
        link,
        Call {
            step,
            code: CREATE,
            handles: &[(parent.handle, &parent.name)],
            parameters: parameters(data, public),
            auth: Some(&[]),
            secrecy: Secrecy::Command,
            gives_handle: false,
        },
    )?;
    parse(step, &answer.parameters, |reader| {
        let private = reader.sized()?.to_vec();
        Ok(ObjectBlob { private, public: reader.sized()?.to_vec() })
    })
}
