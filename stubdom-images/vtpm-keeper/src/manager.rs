//! What is asked of the manager, in its own words (docs/formats/manager-protocol.md).

use crate::link::{Connection, LinkError, ManagerLink};
use crate::open::patiently;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use tpm_wire::manager::{AnswerError, Register, Request, StatusReport, body_of};
use tpm_wire::tpm12::{Ordinal, TpmResult};
use tpm_wire::tpm20::{self, HashAlgorithm, ResponseCode, ResponseError};
use tpm_wire::{Header, PacketBuilder, Tag};
use vtpm_store::HashKey;
use zeroize::Zeroizing;

/// Why the manager did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagerError {
    /// No answer; whether it was done is not known.
    Link(LinkError),
    /// It refused.
    Refused(TpmResult, String),
    /// Its answer has no meaning.
    Malformed,
}

impl ManagerError {
    /// Whether the manager may or may not have done it, and may do it when asked again.
    pub(crate) const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Link(LinkError::Lost) | Self::Refused(TpmResult::FAIL | TpmResult::RETRY, _)
        )
    }

    pub(crate) fn is(&self, status: TpmResult) -> bool {
        matches!(self, Self::Refused(refused, _) if *refused == status)
    }
}

impl fmt::Display for ManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::Link(error) => return error.fmt(f),
            Self::Refused(_, sentence) if !sentence.is_empty() => sentence.as_str(),
            Self::Refused(TpmResult::AUTH_FAIL, _) => "it makes records only by dom0's command",
            Self::Refused(TpmResult::DISABLED, _) => {
                "this vTPM's record is disabled or bound to another security label"
            }
            Self::Refused(TpmResult::FAIL, _) => {
                "its disk failed, or this vTPM's record is damaged"
            }
            Self::Refused(TpmResult::NO_SPACE, _) => "its store is full",
            Self::Refused(TpmResult::RETRY, _) => "it is stopping",
            Self::Refused(status, _) => return write!(f, "the manager answered {status}"),
            Self::Malformed => "its answer has no meaning",
        };
        write!(f, "the manager could not do it: {words}")
    }
}

impl From<LinkError> for ManagerError {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<AnswerError> for ManagerError {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Refused(status, sentence) => Self::Refused(status, sentence),
            AnswerError::Malformed(_) => Self::Malformed,
        }
    }
}

/// One connection, and until when answers are waited for.
pub(crate) struct Session<'a, L> {
    pub(crate) link: &'a mut L,
    pub(crate) connection: Connection,
    pub(crate) until: Duration,
}

impl<L: ManagerLink> Session<'_, L> {
    fn exchange(&mut self, packet: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.link.exchange(self.connection, packet, self.until)
    }

    /// What the manager has; `None` from one that does not know the question, as upstream's.
    pub(crate) fn status(&mut self) -> Result<Option<StatusReport>, ManagerError> {
        let answer = self.exchange(&Request::Status.packet())?;
        match StatusReport::of_answer(&answer).map_err(ManagerError::from) {
            Err(error) if error.is(TpmResult::BAD_ORDINAL) => Ok(None),
            other => other.map(Some),
        }
    }

    /// What was saved last; `None` when nothing was.
    pub(crate) fn load(&mut self) -> Result<Option<HashKey>, ManagerError> {
        let answer = Zeroizing::new(self.exchange(&Request::Load.packet())?);
        match body_of(&answer).map_err(ManagerError::from) {
            Ok(body) => HashKey::from_wire(body).map(Some).ok_or(ManagerError::Malformed),
            Err(error) if error.is(TpmResult::BAD_PARAMETER) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn save(&mut self, hash_key: &HashKey) -> Result<(), ManagerError> {
        let packet = Zeroizing::new(Request::Save(hash_key.bytes()).packet());
        body_of(&self.exchange(&packet)?).map(|_| ()).map_err(Into::into)
    }

    /// Introduces a new vTPM, or says which endorsement key it has.
    pub(crate) fn register(&mut self, what: Register<'_>) -> Result<(), ManagerError> {
        let packet = Request::Register(what).packet();
        body_of(&self.exchange(&packet)?).map(|_| ()).map_err(Into::into)
    }

    /// Bytes of the manager's generator or hardware TPM; may be fewer than asked for.
    pub(crate) fn random(&mut self, bytes: u16) -> Result<Zeroizing<Vec<u8>>, ManagerError> {
        let answer = Zeroizing::new(self.exchange(&tpm20::get_random(bytes))?);
        let random = tpm20::random_bytes(&answer).map_err(refused_20)?;
        Ok(Zeroizing::new(random.to_vec()))
    }

    /// A PCR of a hardware TPM 2.0; `None` when the bank is not active there.
    pub(crate) fn pcr_20(
        &mut self,
        bank: HashAlgorithm,
        pcr: u32,
    ) -> Result<Option<Vec<u8>>, ManagerError> {
        let answer = self.exchange(&tpm20::pcr_read(bank, pcr))?;
        let digest = tpm20::pcr_digest(&answer).map_err(refused_20)?;
        let digest = digest.map(<[u8]>::to_vec);
        let sound = digest.as_ref().is_none_or(|d| bank.digest_bytes() == Some(d.len()));
        if sound { Ok(digest) } else { Err(ManagerError::Malformed) }
    }

    /// A SHA-1 PCR of a hardware TPM of either version; `None` when there is none.
    pub(crate) fn pcr_12(&mut self, pcr: u32) -> Result<Option<Vec<u8>>, ManagerError> {
        let ask = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::PCR_READ.0).u32(pcr).finish();
        let answer = self.exchange(&ask)?;
        let (header, body) = Header::parse(&answer).map_err(|_| ManagerError::Malformed)?;
        match TpmResult(header.code) {
            TpmResult::SUCCESS if body.len() == 20 => Ok(Some(body.to_vec())),
            TpmResult::SUCCESS => Err(ManagerError::Malformed),
            TpmResult::DISABLED => Ok(None),
            other => Err(hardware_refused(other, other.0)),
        }
    }
}

fn refused_20(error: ResponseError) -> ManagerError {
    let code = match error {
        ResponseError::Refused(code) => code,
        ResponseError::Malformed(_) => return ManagerError::Malformed,
    };
    // What holds for the moment only, in the words of a TPM 1.2.
    let result = match code {
        ResponseCode::RETRY | ResponseCode::YIELDED | ResponseCode::TESTING => TpmResult::RETRY,
        ResponseCode::FAILURE => TpmResult::FAIL,
        other => TpmResult(other.0),
    };
    hardware_refused(result, code.0)
}

fn hardware_refused(result: TpmResult, code: u32) -> ManagerError {
    ManagerError::Refused(result, format!("its hardware TPM failed (response code {code:#x})"))
}

/// At most `bytes` bytes of the manager's generator, to be mixed with the domain's own entropy before
/// anything is made. One that cannot give any at the moment is asked again until the time is over.
///
/// # Errors
/// [`ManagerError`].
pub fn random<L: ManagerLink>(
    link: &mut L,
    bytes: u16,
    until: Duration,
) -> Result<Zeroizing<Vec<u8>>, ManagerError> {
    patiently(link, until, |session| session.random(bytes))
}
