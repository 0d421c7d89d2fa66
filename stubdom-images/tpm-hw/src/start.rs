//! Bringing a hardware TPM into service.

use crate::error::HardwareError;
use crate::hardware::{HardwareTpm, is_busy};
use crate::tis::TimeoutsAnswer;
use crate::wait::{Deadline, Time};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use tpm_wire::tpm12::{self, Ordinal, TpmResult};
use tpm_wire::tpm20::{self, ResponseCode};
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion};

/// For self tests to end. The slowest TPM 1.2 seen needs a few seconds.
const SELF_TEST_LIMIT: Duration = Duration::from_secs(60);

/// Between two questions whether self tests have ended.
const SELF_TEST_PAUSE: Duration = Duration::from_millis(20);

/// What start-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// Firmware had sent Startup already, so its measurements are in the PCRs.
    pub already_started: bool,
    /// A TPM 1.2's own time-outs, now in use; `None` for a TPM 2.0, whose time-outs are fixed.
    pub timeouts: Option<TimeoutsAnswer>,
}

/// The TPM cannot be brought into service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// A command got no response.
    Hardware(HardwareError),
    /// The TPM refused this step.
    Refused {
        /// The step.
        step: &'static str,
        /// The TPM's own response code.
        code: u32,
    },
    /// Self tests did not end in time; the last response code.
    StillTesting(u32),
}

impl From<HardwareError> for StartError {
    fn from(error: HardwareError) -> Self {
        Self::Hardware(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hardware(error) => error.fmt(f),
            Self::Refused { step, code } => {
                write!(f, "the hardware TPM refused {step} with response code {code:#x}")
            }
            Self::StillTesting(code) => write!(
                f,
                "the hardware TPM's self test did not end within {} s (response code {code:#x})",
                SELF_TEST_LIMIT.as_secs()
            ),
        }
    }
}

impl core::error::Error for StartError {}

/// Sends Startup(CLEAR), which firmware has often done before, runs the self tests that have not
/// run, and takes over a TPM 1.2's time-outs.
///
/// # Errors
/// [`StartError`], with the TPM's response code.
pub fn start<T: Time>(
    tpm: &mut dyn HardwareTpm,
    version: TpmVersion,
    time: &T,
) -> Result<Started, StartError> {
    match version {
        TpmVersion::Tpm20 => start_20(tpm, time),
        TpmVersion::Tpm12 => start_12(tpm, time),
    }
}

fn start_20<T: Time>(tpm: &mut dyn HardwareTpm, time: &T) -> Result<Started, StartError> {
    let startup = tpm20::startup(tpm20::StartupType::CLEAR);
    let already_started = match repeated_while_busy(tpm, time, &startup)?.0 {
        code if code == ResponseCode::SUCCESS.0 => false,
        code if code == ResponseCode::INITIALIZE.0 => true,
        code => return Err(StartError::Refused { step: "TPM2_Startup", code }),
    };
    let (code, _) = repeated_while_busy(tpm, time, &tpm20::self_test(false))?;
    accepted("TPM2_SelfTest", code)?;
    Ok(Started { already_started, timeouts: None })
}

fn start_12<T: Time>(tpm: &mut dyn HardwareTpm, time: &T) -> Result<Started, StartError> {
    let startup = tpm12::startup(tpm12::StartupType::CLEAR);
    let already_started = match repeated_while_busy(tpm, time, &startup)?.0 {
        code if code == TpmResult::SUCCESS.0 => false,
        code if code == TpmResult::INVALID_POSTINIT.0 => true,
        code => return Err(StartError::Refused { step: "TPM_Startup", code }),
    };
    let self_test = PacketBuilder::new(Tag::RQU_COMMAND, Ordinal::CONTINUE_SELF_TEST.0).finish();
    let (code, _) = repeated_while_busy(tpm, time, &self_test)?;
    accepted("TPM_ContinueSelfTest", code)?;
    let property = tpm12::Property::TIS_TIMEOUT.0.to_be_bytes();
    let question = tpm12::get_capability(tpm12::Capability::PROPERTY, &property);
    let (_, response) = repeated_while_busy(tpm, time, &question)?;
    let answer = TimeoutsAnswer::parse(&response);
    if answer.absurd || answer.in_milliseconds {
        log::warn!("hardware TPM: {answer}");
    }
    tpm.adopt_timeouts(answer.timeouts);
    Ok(Started { already_started, timeouts: Some(answer) })
}

fn accepted(step: &'static str, code: u32) -> Result<(), StartError> {
    if code == 0 { Ok(()) } else { Err(StartError::Refused { step, code }) }
}

/// The response code and the response, once the TPM has time for the command.
fn repeated_while_busy<T: Time>(
    tpm: &mut dyn HardwareTpm,
    time: &T,
    command: &[u8],
) -> Result<(u32, Vec<u8>), StartError> {
    let deadline = Deadline::after(time, SELF_TEST_LIMIT);
    // Counted as well as timed: a clock that stands still ends this too.
    let most = SELF_TEST_LIMIT.as_millis() / SELF_TEST_PAUSE.as_millis();
    let mut last = 0;
    for _ in 0..=most {
        let response = tpm.transmit(command)?;
        let code = Header::parse(&response).map_or(u32::MAX, |(header, _)| header.code);
        if !is_busy(code) {
            return Ok((code, response));
        }
        last = code;
        if deadline.is_over(time) {
            break;
        }
        time.pause(SELF_TEST_PAUSE);
    }
    Err(StartError::StillTesting(last))
}
