//! What refusing old state costs: saves and increments of the hardware's counter, strict and
//! batched, with swtpm as the hardware TPM and the manager's store on a file.
//!
//! Times are of the machine; the clock that the manager sees is played, so that a day of saves does
//! not take one. The share of the increments in a save is measured at the TPM.

use crate::file_disk::FileDisk;
use anyhow::{Context, Result, anyhow, bail};
use domain_io::test_utils::{FakeClock, FakeEntropy};
use domain_io::{Clock, DomainId};
use peers::{Family, RawTpm, Swtpm, unless_missing};
use std::cell::Cell;
use std::fmt::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tpm_hw::{HardwareError, HardwareTpm};
use tpm_wire::manager::{Force, Request};
use tpm_wire::{Header, TpmVersion};
use tpmif::nodes::DeviceId;
use vtpm_custody::Access;
use vtpm_manager::{Arguments, Hardware, Manager, Parts, Reply, USUAL_BUDGET, WithHardware};
use vtpm_store::Uuid;

/// What to call these rows on the command line.
pub(crate) const NAME: &str = "rollback";

/// Writes that TPMs are commonly rated for.
const WRITES: f64 = 100_000.0;
const DEVICE: DeviceId = DeviceId { frontend: DomainId(1), device: 0 };

type Ours = Manager<FileDisk, WithHardware<FakeClock>>;

/// What was counted and timed at the TPM.
#[derive(Clone, Default)]
pub(crate) struct Meter {
    pub(crate) increments: Rc<Cell<u64>>,
    pub(crate) took: Rc<Cell<Duration>>,
}

/// swtpm with a meter in front.
pub(crate) struct Metered {
    pub(crate) tpm: RawTpm,
    pub(crate) meter: Meter,
}

/// NV_Increment and NV_Read of a TPM 2.0, IncrementCounter of a TPM 1.2.
const INCREMENTS: [u32; 2] = [0x134, 0xDD];
const NV_READ: u32 = 0x14E;

impl HardwareTpm for Metered {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        let code = Header::parse(command).map_or(0, |(header, _)| header.code);
        let start = Instant::now();
        let answer = self.tpm.transmit(command).map_err(|_| HardwareError::Absent)?;
        if INCREMENTS.contains(&code) || code == NV_READ {
            let done = u64::from(INCREMENTS.contains(&code));
            self.meter.increments.set(self.meter.increments.get() + done);
            self.meter.took.set(self.meter.took.get() + start.elapsed());
        }
        Ok(answer)
    }
}

/// One line.
pub(crate) struct Row {
    what: &'static str,
    saves: u64,
    each: Duration,
    increments: u64,
    /// Time at the TPM for each increment, its reading back included.
    increment: Option<Duration>,
}

/// How a row is measured.
struct Course {
    what: &'static str,
    family: Family,
    line: &'static str,
    /// How far apart the saves are, by the manager's clock.
    apart: Duration,
}

const COURSES: [Course; 4] = [
    Course {
        what: "TPM 2.0, off",
        family: Family::Tpm20,
        line: "rollback=off",
        apart: Duration::from_secs(1),
    },
    Course {
        what: "TPM 2.0, strict",
        family: Family::Tpm20,
        line: "rollback=strict budget=86400",
        apart: Duration::from_secs(60),
    },
    Course {
        what: "TPM 2.0, batched, a save each second",
        family: Family::Tpm20,
        line: "rollback=batched budget=86400",
        apart: Duration::from_secs(1),
    },
    Course {
        what: "TPM 1.2, batched, a save each second",
        family: Family::Tpm12,
        line: "rollback=batched budget=86400",
        apart: Duration::from_secs(1),
    },
];

/// Measures below `folder`; no rows where there is no swtpm.
pub(crate) fn measure(folder: &Path, quick: bool) -> Result<Vec<Row>> {
    let folder = tempfile::tempdir_in(folder).context("no temporary folder")?;
    let mut rows = Vec::new();
    for course in &COURSES {
        let path = folder.path().join("vmgr.img");
        if let Some(row) = course.run(&path, if quick { 130 } else { 1300 })? {
            rows.push(row);
        }
    }
    Ok(rows)
}

impl Course {
    fn run(&self, path: &Path, saves: u64) -> Result<Option<Row>> {
        let Some(swtpm) = unless_missing(Swtpm::start(self.family)) else { return Ok(None) };
        let Some(tpm) = unless_missing(swtpm.connect()) else { return Ok(None) };
        let (clock, meter) = (FakeClock::default(), Meter::default());
        let mut manager = self.manager(path, tpm, &clock, &meter)?;
        let (before, took) = (meter.increments.get(), meter.took.get());
        let start = Instant::now();
        for save in 0..saves {
            keep(&mut manager, save, &clock)?;
            clock.advance(self.apart);
        }
        let each = start.elapsed() / u32::try_from(saves)?;
        let increments = meter.increments.get() - before;
        let took = meter.took.get() - took;
        let increment = u32::try_from(increments).ok().filter(|n| *n > 0).map(|n| took / n);
        Ok(Some(Row { what: self.what, saves, each, increments, increment }))
    }

    fn manager(&self, path: &Path, tpm: RawTpm, clock: &FakeClock, meter: &Meter) -> Result<Ours> {
        let mut tpm = Metered { tpm, meter: meter.clone() };
        let version = match self.family {
            Family::Tpm20 => TpmVersion::Tpm20,
            Family::Tpm12 => TpmVersion::Tpm12,
        };
        tpm_hw::start(&mut tpm, version, clock).map_err(|why| anyhow!("the TPM: {why}"))?;
        let words = self.line.split(' ');
        let (arguments, _) = Arguments::parse(words).map_err(|why| anyhow!("{why}"))?;
        let parts = Parts {
            disk: FileDisk::create(path, 16)?,
            keeper: WithHardware::new(Access::default(), clock.clone(), Force::Yes),
            hardware: Some(Hardware { tpm: Box::new(tpm), version }),
            entropy: Box::new(FakeEntropy::new(1)),
            now: clock.now(),
        };
        let (mut manager, _) = Manager::open(parts, &arguments).map_err(|why| anyhow!("{why}"))?;
        let admitted = manager.attached(DEVICE, Uuid([3; 16]), |_| true);
        admitted.map_err(|why| anyhow!("{why}"))?;
        Ok(manager)
    }
}

fn keep(manager: &mut Ours, save: u64, clock: &FakeClock) -> Result<()> {
    let mut body = [0; 64];
    body[..8].copy_from_slice(&save.to_le_bytes());
    let reply = manager.request(DEVICE, &Request::Save(&body).packet(), Duration::ZERO);
    let Reply::AfterCommit { uuid, .. } = reply else { bail!("a save was answered {reply:?}") };
    let outcome = manager.commit(clock.now());
    anyhow::ensure!(!outcome.waits, "a save waits");
    outcome.of(uuid).map_err(|why| anyhow!("a save was not kept: {why}"))
}

/// The rows for people, and how long a TPM lasts.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let _ = writeln!(
        text,
        "\n{:<38} {:>9} {:>9} {:>12} {:>11}   measured by",
        "refusing old state", "a save", "saves/s", "increments/", "increment"
    );
    let _ = writeln!(text, "{:<38} {:>9} {:>9} {:>12} {:>11}", "", "", "", "save", "takes");
    for row in rows {
        let increment = row.increment.map_or("-".into(), micro);
        let _ = writeln!(
            text,
            "{:<38} {:>9} {:>9.0} {:>12.3} {increment:>11}   ./x bench {NAME}",
            row.what,
            micro(row.each),
            1.0 / row.each.as_secs_f64(),
            row.per_save(),
        );
    }
    text + &strict_by_parts(rows) + &lives(rows)
}

/// A strict save is a plain save and an increment.
fn strict_by_parts(rows: &[Row]) -> String {
    let [plain, strict, ..] = rows else { return String::new() };
    let Some(increment) = strict.increment else { return String::new() };
    let sum = plain.each + increment;
    format!(
        "strict: {} = {} (plain) + {} (increment) + {} (sessions, rest)\n",
        micro(strict.each),
        micro(plain.each),
        micro(increment),
        micro(strict.each.saturating_sub(sum))
    )
}

/// Years until so many writes are used up, at some rates of saves; two increments a day are for a
/// start of the manager.
fn lives(rows: &[Row]) -> String {
    let budget = f64::from(USUAL_BUDGET);
    let mut text = format!(
        "years until {WRITES:.0} writes are used up, with one start and so many saves a day (budget \
         {USUAL_BUDGET}):\n"
    );
    for row in rows.iter().filter(|row| row.increments > 0) {
        let years = [1.0, 10.0, 100.0, 1000.0, 100_000.0].map(|saves: f64| {
            // Saves come alone at these rates, so a window holds one of them at the fewest.
            let alone = saves.min(86_400.0 / 60.0);
            let wanted = if row.per_save() > 0.9 { saves } else { alone };
            let increments = wanted.min(budget) + 2.0;
            format!("{saves:.0}: {:.1}", WRITES / (increments * 365.25))
        });
        let _ = writeln!(text, "  {:<36} {}", row.what, years.join(", "));
    }
    text
}

/// One object per row, in seconds.
pub(crate) fn json(rows: &[Row]) -> String {
    let line = |row: &Row| {
        format!(
            "{{\"row\":\"{NAME}\",\"what\":\"{}\",\"save\":{},\"saves\":{},\"increments\":{}}}\n",
            row.what,
            row.each.as_secs_f64(),
            row.saves,
            row.increments
        )
    };
    rows.iter().map(line).collect()
}

impl Row {
    fn per_save(&self) -> f64 {
        self.increments as f64 / self.saves as f64
    }
}

fn micro(time: Duration) -> String {
    format!("{:.0} us", time.as_secs_f64() * 1e6)
}
