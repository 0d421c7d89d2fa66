//! Taking away what an earlier instance of this domain left loaded in the TPM.

use crate::error::HardwareError;
use crate::hardware::HardwareTpm;
use alloc::vec::Vec;
use tpm_wire::tpm12::{self, Ordinal};
use tpm_wire::tpm20::{self, CommandCode};
use tpm_wire::{Header, PacketBuilder, Reader, Tag, TpmVersion};

/// What flushing did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Objects and sessions taken away.
    pub removed: usize,
    /// Those that the TPM keeps: its response code for them was an error, as for a TPM 1.2 key
    /// that the owner made permanent.
    pub kept: usize,
}

/// First handles of transient objects, loaded sessions and saved sessions (Part 2, 7.2 `TPM_HT`).
/// Persistent objects (0x81) and NV indices (0x01) are not among them: those belong to whoever
/// made them.
const RANGES_20: [u32; 3] = [0x8000_0000, 0x0200_0000, 0x0300_0000];

/// Keys, authorisation sessions, transport sessions (1.2 Part 2, 4.1 `TPM_RESOURCE_TYPE`).
const TYPES_12: [u32; 3] = [1, 2, 4];

/// More than any TPM holds of one kind; a list that claims more is cut.
const MOST_HANDLES: usize = 256;

/// Flushes transient objects and sessions. To be called once, at start, by the only user of the
/// TPM; persistent objects are never touched.
///
/// # Errors
/// [`HardwareError`] when the TPM does not respond.
pub fn flush(tpm: &mut dyn HardwareTpm, version: TpmVersion) -> Result<Flushed, HardwareError> {
    let mut flushed = Flushed::default();
    let kinds = match version {
        TpmVersion::Tpm20 => RANGES_20,
        TpmVersion::Tpm12 => TYPES_12,
    };
    for kind in kinds {
        let response = tpm.transmit(&list_command(version, kind))?;
        for handle in handles(version, kind, &response).unwrap_or_default() {
            let response = tpm.transmit(&flush_command(version, kind, handle))?;
            let gone = Header::parse(&response).is_ok_and(|(header, _)| header.code == 0);
            if gone {
                flushed.removed += 1;
            } else {
                flushed.kept += 1;
            }
        }
    }
    Ok(flushed)
}

fn list_command(version: TpmVersion, kind: u32) -> Vec<u8> {
    match version {
        TpmVersion::Tpm20 => {
            let count = u32::try_from(MOST_HANDLES).unwrap_or(u32::MAX);
            PacketBuilder::new(Tag::NO_SESSIONS, CommandCode::GET_CAPABILITY.0)
                .u32(tpm20::Capability::HANDLES.0)
                .u32(kind)
                .u32(count)
                .finish()
        }
        TpmVersion::Tpm12 => tpm12::get_capability(tpm12::Capability::HANDLE, &kind.to_be_bytes()),
    }
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

/// The handles in an answer: behind `moreData` and the capability on a TPM 2.0
/// (`TPMS_CAPABILITY_DATA`), behind a length on a TPM 1.2 (`TPM_KEY_HANDLE_LIST`). On a TPM 2.0
/// the list goes on with the next kind of handles, which is left alone.
fn handles(version: TpmVersion, kind: u32, response: &[u8]) -> Option<Vec<u32>> {
    let (header, body) = Header::parse(response).ok()?;
    if header.code != 0 {
        return None;
    }
    let mut reader = Reader::new(body);
    let count = match version {
        TpmVersion::Tpm20 => {
            let (_more, _capability) = (reader.u8().ok()?, reader.u32().ok()?);
            usize::try_from(reader.u32().ok()?).ok()?
        }
        TpmVersion::Tpm12 => {
            let _length = reader.u32().ok()?;
            usize::from(reader.u16().ok()?)
        }
    };
    let all = (0..count.min(MOST_HANDLES)).map_while(|_| reader.u32().ok());
    Some(all.filter(|handle| belongs(version, kind, *handle)).collect())
}

/// The upper byte of a TPM 2.0 handle is its type; loaded and saved sessions are listed under
/// their range but may carry the type of a policy session (0x03).
fn belongs(version: TpmVersion, kind: u32, handle: u32) -> bool {
    let types = [kind >> 24, handle >> 24];
    match version {
        TpmVersion::Tpm20 => types[0] == types[1] || types.iter().all(|t| [0x02, 0x03].contains(t)),
        TpmVersion::Tpm12 => true,
    }
}
