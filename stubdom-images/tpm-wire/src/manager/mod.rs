//! What the manager domain is asked, by vTPM domains and by domain 0.
//!
//! Bytes and meanings are in docs/formats/manager-protocol.md and docs/formats/manager-commands.md.
//! Ordinals 1 to 4 are those of Xen stubdom/vtpmmgr/vtpm_manager.h. Statuses are TPM 1.2 results.

mod command;
mod entry;
mod list;
mod policy;
mod report;
mod request;
mod show;
mod stats;
#[cfg(test)]
mod tests;

pub use command::{Command, Force, MOST_LISTED, policy_request};
pub use entry::{ENTRY_BYTES, Entry};
pub use list::List;
pub use policy::{
    AcceptedState, PolicyApproval, PolicyCommand, PolicyKey, PolicyReport, PolicyState, PolicyWay,
    epoch_of_answer,
};
pub use report::{Kept, StatusReport};
pub use request::{EK_NAME_BYTES, EK_PUBLIC_BYTES, HASH_KEY_BYTES, NoRequest, Register, Request};
pub use show::Show;
pub use stats::Stats;

use crate::builder::PacketBuilder;
use crate::header::Header;
use crate::open_enum::open_enum;
use crate::reader::{Malformed, Reader};
use crate::tag::Tag;
use crate::tpm12::TpmResult;
use crate::version::TpmVersion;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The version of both protocols.
pub const PROTOCOL_VERSION: u32 = 1;

open_enum! {
    /// What is asked of the manager.
    Ordinal(u32) {
        /// Keep the hash and the key of a saved state.
        SAVE_HASH_KEY = 0x1,
        /// Give them back.
        LOAD_HASH_KEY = 0x2,
        /// The asking domain's label, hashed.
        GET_BOOT_HASH = 0x3,
        /// A quote of the hardware TPM.
        GET_QUOTE = 0x4,
        /// What is known about the asking vTPM; not upstream's.
        STATUS = 0x0001_0001,
        /// A new vTPM introduces itself; not upstream's.
        REGISTER = 0x0001_0002,
        /// From domain 0: what the manager is and does.
        STATS = 0x0001_0101,
        /// From domain 0: the vTPMs in the order of their uuids.
        LIST = 0x0001_0102,
        /// From domain 0: one vTPM.
        SHOW = 0x0001_0103,
        /// From domain 0: make a record.
        NEW = 0x0001_0104,
        /// From domain 0: remove a record.
        DELETE = 0x0001_0105,
        /// From domain 0: what the store's secret is sealed under.
        POLICY = 0x0001_0106,
        /// From domain 0: finish everything and end.
        PREPARE_SHUTDOWN = 0x0001_0107,
        /// From domain 0: serve a vTPM, or do not.
        ENABLE = 0x0001_0108,
        /// From domain 0: take an older state of a vTPM, once.
        ACCEPT = 0x0001_0109,
    }
}

/// A vTPM's uuid in a packet: 16 bytes in the order in which it is written for people.
pub type UuidBytes = [u8; 16];

/// The tag of the answer to a request with this tag, as upstream's dispatcher makes it.
#[must_use]
pub const fn answer_tag(request: Tag) -> Tag {
    Tag(request.0.wrapping_add(3))
}

/// A whole answer.
#[must_use]
pub fn answer(tag: Tag, status: TpmResult, body: &[u8]) -> Vec<u8> {
    PacketBuilder::new(tag, status.0).bytes(body).finish()
}

/// An answer that is not the success that was hoped for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// The manager refused; its sentence is empty where it sent none.
    Refused(TpmResult, String),
    /// The answer is no answer to this.
    Malformed(Malformed),
}

impl From<Malformed> for AnswerError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status, sentence) if sentence.is_empty() => {
                write!(f, "the manager answered {status}")
            }
            Self::Refused(_, sentence) => f.write_str(sentence),
            Self::Malformed(malformed) => {
                write!(f, "the manager's answer is malformed: {malformed}")
            }
        }
    }
}

impl core::error::Error for AnswerError {}

/// The body of a successful answer. Handlers of upstream's manager answer every request with
/// [`Tag::VTPM_RSP`], so both tags are taken.
///
/// # Errors
/// [`AnswerError`].
pub fn body_of(answer: &[u8]) -> Result<&[u8], AnswerError> {
    let (header, body) = Header::parse(answer).map_err(|_| Malformed::Short)?;
    if header.tag != Tag::VTPM_RSP && header.tag != Tag::VTPM_RSP2 {
        return Err(Malformed::Value.into());
    }
    let status = TpmResult(header.code);
    if status != TpmResult::SUCCESS {
        let sentence = String::from_utf8_lossy(body).into_owned();
        return Err(AnswerError::Refused(status, sentence));
    }
    Ok(body)
}

/// 1 = 1.2, 2 = 2.0.
const fn version_byte(version: TpmVersion) -> u8 {
    match version {
        TpmVersion::Tpm12 => 1,
        TpmVersion::Tpm20 => 2,
    }
}

const fn optional_version_byte(version: Option<TpmVersion>) -> u8 {
    match version {
        None => 0,
        Some(version) => version_byte(version),
    }
}

fn version(reader: &mut Reader<'_>) -> Result<TpmVersion, Malformed> {
    optional_version(reader)?.ok_or(Malformed::Value)
}

fn optional_version(reader: &mut Reader<'_>) -> Result<Option<TpmVersion>, Malformed> {
    match reader.u8()? {
        0 => Ok(None),
        1 => Ok(Some(TpmVersion::Tpm12)),
        2 => Ok(Some(TpmVersion::Tpm20)),
        _ => Err(Malformed::Value),
    }
}

fn u64_of(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    Ok(u64::from_be_bytes(reader.array()?))
}
