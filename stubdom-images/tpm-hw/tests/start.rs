//! Start-up against TPMs that are busy, broken or silent.

use core::time::Duration;
use domain_io::Clock;
use domain_io::test_utils::FakeClock;
use std::collections::VecDeque;
use tpm_hw::{HardwareError, HardwareTpm, StartError, Timeouts, start};
use tpm_wire::TpmVersion;

/// Answers with these codes in turn, the last one for ever.
struct Codes {
    codes: VecDeque<u32>,
    commands: usize,
    adopted: Option<Timeouts>,
}

fn codes(codes: &[u32]) -> Codes {
    Codes { codes: codes.iter().copied().collect(), commands: 0, adopted: None }
}

impl HardwareTpm for Codes {
    fn transmit(&mut self, _: &[u8]) -> Result<Vec<u8>, HardwareError> {
        self.commands += 1;
        let code = if self.codes.len() > 1 { self.codes.pop_front() } else { None };
        let code = code.or(self.codes.front().copied()).ok_or(HardwareError::Absent)?;
        Ok([&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat())
    }

    fn adopt_timeouts(&mut self, timeouts: Timeouts) {
        self.adopted = Some(timeouts);
    }
}

#[test]
fn a_tpm_that_is_testing_itself_is_asked_again() {
    let clock = FakeClock::default();
    let mut tpm = codes(&[0x922, 0x100, 0x90A, 0x90A, 0]);
    assert!(start(&mut tpm, TpmVersion::Tpm20, &clock).unwrap().already_started);
    assert_eq!(tpm.commands, 5);
    let mut tpm = codes(&[38, 0x802, 0x801, 0x800, 0]);
    assert!(start(&mut tpm, TpmVersion::Tpm12, &clock).unwrap().already_started);
}

#[test]
fn a_self_test_that_never_ends_is_an_error_within_its_limit() {
    for (version, code) in [(TpmVersion::Tpm20, 0x90A), (TpmVersion::Tpm12, 0x802)] {
        let clock = FakeClock::default();
        let error = start(&mut codes(&[0, code]), version, &clock).unwrap_err();
        assert_eq!(error, StartError::StillTesting(code));
        assert!(clock.now() <= Duration::from_secs(61));
    }
}

#[test]
fn a_refusal_keeps_its_step_and_its_code() {
    let clock = FakeClock::default();
    for (version, answers, step, code) in [
        (TpmVersion::Tpm20, &[0x101][..], "TPM2_Startup", 0x101),
        (TpmVersion::Tpm20, &[0x100, 0x101], "TPM2_SelfTest", 0x101),
        (TpmVersion::Tpm12, &[28], "TPM_Startup", 28),
        (TpmVersion::Tpm12, &[38, 28], "TPM_ContinueSelfTest", 28),
    ] {
        let error = start(&mut codes(answers), version, &clock).unwrap_err();
        assert_eq!(error, StartError::Refused { step, code });
        assert!(error.to_string().contains(step));
    }
    let error = start(&mut codes(&[]), TpmVersion::Tpm20, &clock).unwrap_err();
    assert_eq!(error, StartError::Hardware(HardwareError::Absent));
}

#[test]
fn a_tpm_1_2_that_does_not_tell_its_time_outs_gets_the_defaults() {
    let mut tpm = codes(&[0, 0, 7]);
    let started = start(&mut tpm, TpmVersion::Tpm12, &FakeClock::default()).unwrap();
    assert!(started.timeouts.unwrap().absurd);
    assert_eq!(tpm.adopted, Some(Timeouts::DEFAULT));
}
