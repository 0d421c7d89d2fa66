//! What a TPM 2.0 answers to the TPM 1.2 commands of a stock xen-tpmfront.
//!
//! Linux's xen-tpmfront takes every backend for a TPM 1.2 (drivers/char/tpm/xen-tpmfront.c never
//! sets `TPM_CHIP_FLAG_TPM2`), so the kernel itself sends TPM 1.2 commands: time-outs and durations
//! while probing, random numbers for its generator, PCR reads and extends for IMA, and what
//! /sys/class/tpm/tpm0/device shows. Those few are answered here out of the TPM 2.0; everything
//! else of TPM 1.2 gets TPM 1.2's own error. Programs send TPM 2.0 commands beside them.

mod capability;
mod pcr;
mod random;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use tpm_wire::tpm12::{Ordinal, TpmResult, error_response, success_response};
use tpm_wire::tpm20::{self, HashAlgorithm, ResponseCode, ResponseError};
use tpm_wire::{Header, Malformed, Reader, Tag};
use vtpm_engine::{Engine, EngineError, Locality};

/// A TPM 2.0 as the probe sees it.
pub(crate) struct Probe<'a, E> {
    pub(crate) engine: &'a mut E,
    pub(crate) locality: Locality,
    /// The banks that hold PCRs in this boot.
    pub(crate) banks: &'a [HashAlgorithm],
}

/// Why a TPM 1.2 command gets an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Result(TpmResult),
    Engine(EngineError),
}

impl From<TpmResult> for Refusal {
    fn from(result: TpmResult) -> Self {
        Self::Result(result)
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// The command's parameters are not those of its ordinal.
impl From<Malformed> for Refusal {
    fn from(_: Malformed) -> Self {
        Self::Result(TpmResult::BAD_PARAM_SIZE)
    }
}

impl From<ResponseError> for Refusal {
    fn from(error: ResponseError) -> Self {
        Self::Result(match error {
            ResponseError::Refused(ResponseCode::LOCALITY) => TpmResult::BAD_LOCALITY,
            ResponseError::Refused(ResponseCode::RETRY) => TpmResult::RETRY,
            ResponseError::Refused(_) | ResponseError::Malformed(_) => TpmResult::FAIL,
        })
    }
}

impl<E: Engine> Probe<'_, E> {
    /// Answers one TPM 1.2 command.
    ///
    /// # Errors
    /// [`EngineError`] when the engine could not execute what stands behind the command.
    pub(crate) fn answer(
        &mut self,
        header: Header,
        parameters: &[u8],
    ) -> Result<Vec<u8>, EngineError> {
        match self.execute(header, Reader::new(parameters)) {
            Ok(body) => Ok(success_response(&body)),
            Err(Refusal::Result(result)) => Ok(error_response(result)),
            Err(Refusal::Engine(error)) => Err(error),
        }
    }

    fn execute(&mut self, header: Header, parameters: Reader<'_>) -> Result<Vec<u8>, Refusal> {
        let ordinal = Ordinal(header.code);
        if !is_answered(ordinal) && ordinal != Ordinal::READ_PUBEK {
            return Err(TpmResult::BAD_ORDINAL.into());
        }
        if header.tag != Tag::RQU_COMMAND {
            return Err(TpmResult::BAD_TAG.into());
        }
        self.known(ordinal, parameters)
    }

    fn known(&mut self, ordinal: Ordinal, mut parameters: Reader<'_>) -> Result<Vec<u8>, Refusal> {
        match ordinal {
            Ordinal::GET_CAPABILITY => self.capability(parameters),
            Ordinal::GET_RANDOM => self.random(parameters),
            Ordinal::PCR_READ => self.pcr_read(parameters),
            Ordinal::EXTEND => self.extend(parameters),
            Ordinal::CONTINUE_SELF_TEST => self.self_test(parameters, false),
            Ordinal::SELF_TEST_FULL => self.self_test(parameters, true),
            Ordinal::STARTUP => {
                parameters.u16()?;
                parameters.end()?;
                Err(TpmResult::INVALID_POSTINIT.into())
            }
            // The TPM keeps its power while the guest sleeps, so there is nothing to save.
            Ordinal::SAVE_STATE => Ok(parameters.end().map(|()| Vec::new())?),
            // The endorsement key of a TPM 2.0 has no TPM 1.2 form. Of the results that say so,
            // this is the one that Linux does not log as an error.
            _ => Err(TpmResult::DISABLED.into()),
        }
    }

    fn self_test(&mut self, parameters: Reader<'_>, full: bool) -> Result<Vec<u8>, Refusal> {
        parameters.end()?;
        tpm20::acknowledged(&self.send(&tpm20::self_test(full))?)?;
        Ok(Vec::new())
    }

    fn send(&mut self, command: &[u8]) -> Result<Vec<u8>, EngineError> {
        self.engine.execute(self.locality, command)
    }
}

/// The commands that do something here.
fn is_answered(ordinal: Ordinal) -> bool {
    matches!(
        ordinal,
        Ordinal::GET_CAPABILITY
            | Ordinal::GET_RANDOM
            | Ordinal::PCR_READ
            | Ordinal::EXTEND
            | Ordinal::CONTINUE_SELF_TEST
            | Ordinal::SELF_TEST_FULL
            | Ordinal::STARTUP
            | Ordinal::SAVE_STATE
    )
}
