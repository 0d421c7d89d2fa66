//! What the tests of this crate share.
#![allow(dead_code, reason = "each test program uses a part of this")]

use domain_io::test_utils::FakeClock;
use peers::{Family, Swtpm, unless_missing};
use tpm_hw::test_utils::{CrbModel, Executor, TisModel, bus};
use tpm_hw::{Crb, HardwareError, Locality, Tis};

pub(crate) const BASE: u64 = 0xFED4_0000;

/// A real software TPM, to be put behind a model; it runs as long as the executor lives.
pub(crate) fn swtpm(family: Family) -> Option<Executor> {
    let swtpm = unless_missing(Swtpm::start(family))?;
    let mut tpm = unless_missing(swtpm.connect())?;
    Some(Box::new(move |command| {
        let _running = &swtpm;
        tpm.transmit(command).expect("swtpm answers")
    }))
}

/// Answers every command with success and its own bytes behind the header. A command may arrive
/// shorter than a header where the line is bad.
pub(crate) fn echo() -> Executor {
    Box::new(|command| {
        let mut response = command.to_vec();
        if let Some(code) = response.get_mut(6..10) {
            code.fill(0);
        }
        response
    })
}

/// A TPM 2.0 command of `length` bytes.
pub(crate) fn command(length: usize) -> Vec<u8> {
    let mut command = vec![0x5A; length];
    command[..2].copy_from_slice(&[0x80, 0x01]);
    command[2..6].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    command[6..10].copy_from_slice(&[0, 0, 1, 0x7B]);
    command
}

pub(crate) fn echoed(length: usize) -> Vec<u8> {
    echo()(&command(length))
}

pub(crate) type TestTis = Tis<TisModel, FakeClock>;
pub(crate) type TestCrb = Crb<CrbModel, FakeClock>;

pub(crate) fn tis_model() -> (TisModel, FakeClock) {
    let clock = FakeClock::default();
    (TisModel::new(clock.clone(), echo()), clock)
}

pub(crate) fn crb_model() -> (CrbModel, FakeClock) {
    let clock = FakeClock::default();
    (CrbModel::new(BASE, clock.clone(), echo()), clock)
}

pub(crate) fn open_tis(model: &TisModel, clock: &FakeClock) -> Result<TestTis, HardwareError> {
    Tis::open(bus(BASE, model.clone()), BASE, Locality::ZERO, clock.clone())
}

pub(crate) fn open_crb(model: &CrbModel, clock: &FakeClock) -> Result<TestCrb, HardwareError> {
    Crb::open(bus(BASE, model.clone()), BASE, Locality::ZERO, clock.clone())
}
