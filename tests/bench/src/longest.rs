//! The commands that take longest. A command cannot be interrupted, so the longest of them is how
//! long a cancel may wait.

use anyhow::{Result, ensure};
use flow_tests::packets::key::{Kind, Template};
use flow_tests::packets::{flush, handle, response_code};
use std::time::{Duration, Instant};
use tpm_wire::{tpm12, tpm20};
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmVersion};

/// What to call these rows on the command line.
pub(crate) const NAME: &str = "longest";

/// The longest of several runs of one command.
pub(crate) struct Longest {
    pub(crate) what: &'static str,
    pub(crate) runs: u16,
    pub(crate) took: Duration,
}

/// Measures all of them; `quick` repeats less. No other TPM may run in this process.
pub(crate) fn measure(quick: bool) -> Result<Vec<Longest>> {
    let fresh = if quick { 3 } else { 20 };
    let keys = if quick { 10 } else { 100 };
    let (v12, v20) = (TpmVersion::Tpm12, TpmVersion::Tpm20);
    Ok(vec![
        primaries("TPM2_CreatePrimary RSA-2048", Kind::RsaStorage(2048), keys)?,
        primaries("TPM2_CreatePrimary RSA-3072", Kind::RsaStorage(3072), keys)?,
        on_fresh("TPM2_SelfTest(full), first", v20, &tpm20::self_test(true), fresh)?,
        on_fresh("TPM_CreateEndorsementKeyPair", v12, &endorsement(), fresh)?,
    ])
}

fn endorsement() -> Vec<u8> {
    tpm12::create_endorsement_key_pair([0; 20])
}

/// One command on a new TPM each time: it takes long once, or its place is taken afterwards.
fn on_fresh(what: &'static str, version: TpmVersion, packet: &[u8], runs: u16) -> Result<Longest> {
    let mut took = Duration::ZERO;
    for _ in 0..runs {
        let mut engine = started(version)?;
        took = took.max(timed(&mut engine, packet)?.1);
    }
    Ok(Longest { what, runs, took })
}

/// Primary keys, each from a template of its own: the search for primes takes different times.
fn primaries(what: &'static str, kind: Kind, runs: u16) -> Result<Longest> {
    let mut engine = started(TpmVersion::Tpm20)?;
    let mut took = Duration::ZERO;
    for number in 0..runs {
        let unique = number.to_be_bytes();
        let packet = Template { unique: &unique, ..Template::new(kind) }.create_primary();
        let (answer, time) = timed(&mut engine, &packet)?;
        took = took.max(time);
        timed(&mut engine, &flush(handle(&answer)))?;
    }
    Ok(Longest { what, runs, took })
}

fn started(version: TpmVersion) -> Result<LibTpms> {
    let mut engine = LibTpms::start(StartConfig::new(version))?;
    let packet = match version {
        TpmVersion::Tpm12 => tpm12::startup(tpm12::StartupType::CLEAR),
        TpmVersion::Tpm20 => tpm20::startup(tpm20::StartupType::CLEAR),
    };
    timed(&mut engine, &packet)?;
    Ok(engine)
}

fn timed(engine: &mut LibTpms, packet: &[u8]) -> Result<(Vec<u8>, Duration)> {
    let start = Instant::now();
    let answer = engine.execute(Locality::ZERO, packet)?;
    let took = start.elapsed();
    ensure!(response_code(&answer) == 0, "{packet:02x?} was answered {answer:02x?}");
    Ok((answer, took))
}
