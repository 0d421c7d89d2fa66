//! What no vTPM can be faster than on this machine: the engine alone, without page, backend or rules, and bare files
//! that are flushed.

use crate::file_disk::FileDisk;
use crate::measure::keep_fastest;
use crate::rows::{self, Row};
use crate::sides::Tpm;
use anyhow::{Context, Result, anyhow, ensure};
use domain_io::{BlockDevice, SECTOR_BYTES};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tpm_wire::tpm20::{StartupType, startup};
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmState, TpmVersion};

/// An engine and nothing else.
struct Alone(LibTpms);

impl Tpm for Alone {
    fn transmit(&mut self, packet: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.execute(Locality::ZERO, packet)?)
    }
}

/// What this row's commands take an engine alone, in a process of its own: a process runs one engine at a time.
pub(crate) fn of_engine(row: &Row, state: &TpmState, quick: bool) -> Result<Duration> {
    let file = tempfile::NamedTempFile::new().context("no temporary file")?;
    std::fs::write(file.path(), &state.permanent)?;
    let mut program = Command::new(std::env::current_exe()?);
    program.arg("--alone").arg(file.path()).args(quick.then_some("--quick")).arg(row.name);
    let output = program.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(Duration::from_nanos(String::from_utf8(output.stdout)?.trim().parse()?))
}

/// Measures a row in this process with the TPM in this file, and says how many nanoseconds it took.
pub(crate) fn report(state: &Path, asked: &[String], quick: bool) -> Result<()> {
    let row = rows::ALL.iter().find(|row| asked.iter().any(|name| name == row.name));
    let state = TpmState { permanent: std::fs::read(state)?, saved: None };
    let config = StartConfig { state: Some(state), ..StartConfig::new(TpmVersion::Tpm20) };
    let mut engine = Alone(LibTpms::start(config)?);
    engine.succeed(&startup(StartupType::CLEAR))?;
    println!("{}", row.context("no such row")?.alone(&mut engine, quick)?.as_nanos());
    Ok(())
}

/// The fastest of some writes of so many bytes each, one file after the other, each flushed.
pub(crate) fn of_files(folder: &Path, bytes: &[usize], quick: bool) -> Result<Duration> {
    let mut files = Vec::new();
    for (number, bytes) in bytes.iter().enumerate() {
        let disk = FileDisk::create(&folder.join(format!("limit-{number}.img")), 2)?;
        files.push((disk, vec![0; bytes.next_multiple_of(SECTOR_BYTES)]));
    }
    let mut fastest = None;
    for round in 0..if quick { 4 } else { 20 } {
        let start = Instant::now();
        for write in 0..25_u8 {
            for (disk, data) in &mut files {
                data.fill(write ^ round);
                let kept = disk.write(0, data).and_then(|()| disk.flush());
                kept.map_err(|why| anyhow!("a bare file: {why}"))?;
            }
        }
        keep_fastest(&mut fastest, start.elapsed() / 25);
    }
    fastest.context("no write")
}
