//! Taking away what an earlier instance of this domain left loaded in the TPM.
//!
//! An object is flushed when its public area is one that this domain makes. A session tells nobody
//! whose it is: sessions are ended only where the TPM has no room left for our own.

use crate::error::HardwareError;
use crate::hardware::HardwareTpm;
use crate::question::{handles, number};
use alloc::vec::Vec;
use core::fmt;
use tpm_wire::tpm12::Ordinal;
use tpm_wire::tpm20::CommandCode;
use tpm_wire::{Header, PacketBuilder, Reader, Tag, TpmVersion};

/// Tells by a TPM 2.0's public area (`TPMT_PUBLIC`, Part 2, 12.2.4) whether this domain made the
/// object.
pub type IsOurs<'a> = &'a dyn Fn(&[u8]) -> bool;

/// What flushing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Objects of an earlier instance, taken away.
    pub objects: usize,
    /// Sessions of whomever, ended to make room.
    pub sessions: usize,
    /// Loaded keys and objects of others, left alone; those that the TPM refused to flush, too.
    pub left_objects: usize,
    /// Sessions of whomever, left alone.
    pub left_sessions: usize,
}

impl fmt::Display for Flushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.objects {
            0 => f.write_str("nothing of an earlier manager was loaded")?,
            count => write!(f, "{count} loaded object(s) of an earlier manager were flushed")?,
        }
        if self.sessions > 0 {
            let count = self.sessions;
            write!(f, "; {count} session(s), whose owner no TPM tells, were ended to make room")?;
        }
        if self.left_objects > 0 {
            write!(f, "; {} loaded object(s) of others were left alone", self.left_objects)?;
        }
        if self.left_sessions > 0 {
            let count = self.left_sessions;
            write!(f, "; {count} session(s), whose owner no TPM tells, were left alone")?;
        }
        Ok(())
    }
}

/// First handles of transient objects, loaded sessions and saved sessions (Part 2, 7.2 `TPM_HT`).
/// Persistent objects (0x81) and NV indices (0x01) are not among them: those belong to whoever
/// made them.
const TRANSIENT: u32 = 0x8000_0000;
const LOADED_SESSIONS: u32 = 0x0200_0000;
const SAVED_SESSIONS: u32 = 0x0300_0000;

/// How many more sessions may be loaded, and may exist (`TPM_PT_HR_LOADED_AVAIL`,
/// `TPM_PT_HR_ACTIVE_AVAIL`; Part 2, 6.13).
const LOADED_AVAILABLE: u32 = 0x204;
const ACTIVE_AVAILABLE: u32 = 0x206;

/// Keys, authorisation sessions, transport sessions (1.2 Part 2, 4.1 `TPM_RESOURCE_TYPE`).
const KEYS: u32 = 1;
const AUTH_SESSIONS: u32 = 2;
const TRANSPORT_SESSIONS: u32 = 4;

/// How many more authorisation sessions there may be (`TPM_CAP_PROP_AUTHSESS`; 1.2 Part 2, 21.2).
const AUTH_AVAILABLE: u32 = 0x10A;

/// Sessions that a manager has open at one time: on a TPM 2.0 the counter's, one that
/// authenticates and one for the policy; on a TPM 1.2 those of the two authorisations of
/// TPM_Unseal.
const NEEDED_20: u32 = 3;
const NEEDED_12: u32 = 2;

/// Flushes what an earlier instance left, and sessions where there is no room for ours. To be
/// called once, at start, by the only user of the TPM; persistent objects are never touched. A
/// manager loads no keys into a TPM 1.2, and uses no transport sessions.
///
/// # Errors
/// [`HardwareError`] when the TPM does not respond.
pub fn flush(
    tpm: &mut dyn HardwareTpm,
    version: TpmVersion,
    is_ours: IsOurs<'_>,
) -> Result<Flushed, HardwareError> {
    let mut flushed = Flushed::default();
    match version {
        TpmVersion::Tpm20 => {
            objects(tpm, is_ours, &mut flushed)?;
            for (kind, property) in
                [(LOADED_SESSIONS, LOADED_AVAILABLE), (SAVED_SESSIONS, ACTIVE_AVAILABLE)]
            {
                sessions(tpm, version, (kind, property, NEEDED_20), &mut flushed)?;
            }
        }
        TpmVersion::Tpm12 => {
            flushed.left_objects = handles(tpm, version, KEYS)?.len();
            flushed.left_sessions = handles(tpm, version, TRANSPORT_SESSIONS)?.len();
            let kind = (AUTH_SESSIONS, AUTH_AVAILABLE, NEEDED_12);
            sessions(tpm, version, kind, &mut flushed)?;
        }
    }
    Ok(flushed)
}

fn objects(
    tpm: &mut dyn HardwareTpm,
    is_ours: IsOurs<'_>,
    flushed: &mut Flushed,
) -> Result<(), HardwareError> {
    for handle in handles(tpm, TpmVersion::Tpm20, TRANSIENT)? {
        let answer = tpm.transmit(&read_public(handle))?;
        let ours = public_area(&answer).is_some_and(is_ours);
        if ours && accepted(&tpm.transmit(&flush_command(TpmVersion::Tpm20, 0, handle))?) {
            flushed.objects += 1;
        } else {
            flushed.left_objects += 1;
        }
    }
    Ok(())
}

/// Ends sessions of a kind where fewer than needed may be begun, or the TPM does not say how many.
fn sessions(
    tpm: &mut dyn HardwareTpm,
    version: TpmVersion,
    (kind, property, needed): (u32, u32, u32),
    flushed: &mut Flushed,
) -> Result<(), HardwareError> {
    let there = handles(tpm, version, kind)?;
    let has_room = !there.is_empty()
        && number(tpm, version, property)?.is_some_and(|available| available >= needed);
    for handle in there {
        if !has_room && accepted(&tpm.transmit(&flush_command(version, kind, handle))?) {
            flushed.sessions += 1;
        } else {
            flushed.left_sessions += 1;
        }
    }
    Ok(())
}

fn accepted(response: &[u8]) -> bool {
    Header::parse(response).is_ok_and(|(header, _)| header.code == 0)
}

fn read_public(handle: u32) -> Vec<u8> {
    const READ_PUBLIC: u32 = 0x173;
    PacketBuilder::new(Tag::NO_SESSIONS, READ_PUBLIC).u32(handle).finish()
}

fn public_area(response: &[u8]) -> Option<&[u8]> {
    let (header, body) = Header::parse(response).ok()?;
    if header.code != 0 {
        return None;
    }
    Reader::new(body).sized().ok()
}

fn flush_command(version: TpmVersion, kind: u32, handle: u32) -> Vec<u8> {
    match version {
        TpmVersion::Tpm20 => {
            PacketBuilder::new(Tag::NO_SESSIONS, CommandCode::FLUSH_CONTEXT.0).u32(handle).finish()
        }
        TpmVersion::Tpm12 => PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::FLUSH_SPECIFIC.0)
            .u32(handle)
            .u32(kind)
            .finish(),
    }
}
