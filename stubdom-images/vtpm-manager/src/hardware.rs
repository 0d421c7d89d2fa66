//! The hardware TPM, as far as vTPMs may use it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use tpm_hw::{HardwareError, HardwareTpm, is_busy};
use tpm_wire::tpm12::{self, Ordinal};
use tpm_wire::tpm20::{self, HashAlgorithm, ResponseError, StartupType};
use tpm_wire::{Header, Malformed, PacketBuilder, Reader, Tag, TpmVersion};

/// How often a TPM that is busy, as with what it was told to write just now, is told to rest. Each time takes the
/// bus some milliseconds.
const TRIES_TO_REST: usize = 200;

/// A hardware TPM that was started.
pub struct Hardware {
    /// The TPM.
    pub tpm: Box<dyn HardwareTpm>,
    /// Its version.
    pub version: TpmVersion,
}

impl fmt::Debug for Hardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardware").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Why the hardware TPM did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HardwareFault {
    /// It gave no answer.
    Silent(HardwareError),
    /// It refused, with its own response code.
    Refused(u32),
    /// Its answer has not the form that the specification demands.
    Malformed(Malformed),
}

impl fmt::Display for HardwareFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(error) => error.fmt(f),
            Self::Refused(code) => write!(f, "the hardware TPM answered {code:#x}"),
            Self::Malformed(what) => write!(f, "the hardware TPM's answer is malformed: {what}"),
        }
    }
}

impl From<HardwareError> for HardwareFault {
    fn from(error: HardwareError) -> Self {
        Self::Silent(error)
    }
}

impl From<Malformed> for HardwareFault {
    fn from(what: Malformed) -> Self {
        Self::Malformed(what)
    }
}

impl From<ResponseError> for HardwareFault {
    fn from(error: ResponseError) -> Self {
        match error {
            ResponseError::Refused(code) => Self::Refused(code.0),
            ResponseError::Malformed(what) => Self::Malformed(what),
        }
    }
}

impl Hardware {
    /// Up to `wanted` random bytes, at least one unless none is wanted.
    ///
    /// # Errors
    /// [`HardwareFault`].
    pub fn random(&mut self, wanted: u16) -> Result<Vec<u8>, HardwareFault> {
        let mut bytes = Vec::with_capacity(usize::from(wanted));
        while bytes.len() < usize::from(wanted) {
            let missing = wanted.saturating_sub(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
            let some = self.some_random(missing)?;
            if some.is_empty() {
                return Err(Malformed::Short.into());
            }
            bytes.extend(some.iter().take(usize::from(missing)));
        }
        Ok(bytes)
    }

    fn some_random(&mut self, wanted: u16) -> Result<Vec<u8>, HardwareFault> {
        match self.version {
            TpmVersion::Tpm20 => {
                let answer = self.tpm.transmit(&tpm20::get_random(wanted))?;
                Ok(tpm20::random_bytes(&answer)?.to_vec())
            }
            TpmVersion::Tpm12 => {
                let command = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::GET_RANDOM.0);
                let answer = self.tpm.transmit(&command.u32(u32::from(wanted)).finish())?;
                let mut reader = Reader::new(success(&answer)?);
                let length = usize::try_from(reader.u32()?).map_err(|_| Malformed::Short)?;
                Ok(reader.bytes(length)?.to_vec())
            }
        }
    }

    /// A PCR's SHA-1 value; `None` when a TPM 2.0 has no such bank.
    ///
    /// # Errors
    /// [`HardwareFault`].
    pub fn sha1_pcr(&mut self, pcr: u32) -> Result<Option<Vec<u8>>, HardwareFault> {
        match self.version {
            TpmVersion::Tpm20 => {
                let answer = self.tpm.transmit(&tpm20::pcr_read(HashAlgorithm::SHA1, pcr))?;
                Ok(tpm20::pcr_digest(&answer)?.map(<[u8]>::to_vec))
            }
            TpmVersion::Tpm12 => {
                let command = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::PCR_READ.0);
                let answer = self.tpm.transmit(&command.u32(pcr).finish())?;
                let mut reader = Reader::new(success(&answer)?);
                Ok(Some(reader.array::<20>()?.to_vec()))
            }
        }
    }

    /// Tells the TPM that its power may go: what it keeps is in order then.
    ///
    /// # Errors
    /// [`HardwareFault`].
    pub fn rest(&mut self) -> Result<(), HardwareFault> {
        let command = match self.version {
            TpmVersion::Tpm20 => tpm20::shutdown(StartupType::CLEAR),
            TpmVersion::Tpm12 => tpm12::save_state(),
        };
        let mut code = 0;
        for _ in 0..TRIES_TO_REST {
            let answer = self.tpm.transmit(&command)?;
            code = Header::parse(&answer).map_err(|_| Malformed::Short)?.0.code;
            if !is_busy(code) {
                break;
            }
        }
        if code != 0 {
            return Err(HardwareFault::Refused(code));
        }
        log::info!("the hardware TPM is at rest: its power may go");
        Ok(())
    }
}

/// The body of a TPM 1.2's answer.
fn success(answer: &[u8]) -> Result<&[u8], HardwareFault> {
    let (header, body) = Header::parse(answer).map_err(|_| Malformed::Short)?;
    if header.code == 0 { Ok(body) } else { Err(HardwareFault::Refused(header.code)) }
}
