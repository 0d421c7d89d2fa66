//! A manager with 20,000 vTPMs beside one with ten.

use crate::file_disk::{Counts, Each, FileDisk, Mark};
use crate::limit;
use crate::measure::{Times, keep_fastest};
use crate::rows::Measured;
use anyhow::{Context, Result, anyhow, bail, ensure};
use domain_io::DomainId;
use domain_io::test_utils::FakeEntropy;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tpm_wire::TpmVersion::Tpm20;
use tpm_wire::manager::{Command as Ask, Register, Request, Stats};
use tpmif::nodes::DeviceId;
use vtpm_manager::{Arguments, Manager, Parts, Reply, WithoutHardware};
use vtpm_store::Uuid;

/// What to call these rows on the command line.
pub(crate) const NAME: &str = "crowd";

const CROWD: u64 = 20_000;
const FEW: u64 = 10;
const SAVE_AIM: f64 = 1.3;
/// The customary size of the manager's disk.
pub(crate) const DISK_MEBIBYTES: usize = 16;
/// How many vTPMs are attached and save by turns.
const ATTACHED: u16 = 64;

type Ours = Manager<FileDisk, WithoutHardware>;

/// What was measured and what was counted.
pub(crate) struct Crowd {
    pub(crate) rows: Vec<Measured>,
    pub(crate) counted: String,
}

/// Makes both stores below `folder` and measures. `quick` repeats less.
pub(crate) fn measure(folder: &Path, quick: bool) -> Result<Crowd> {
    let folder = tempfile::tempdir_in(folder).context("no temporary folder")?;
    let paths = [("few.img", FEW), ("crowd.img", CROWD)].map(|(name, vtpms)| {
        let path = folder.path().join(name);
        (path, vtpms)
    });
    for (path, vtpms) in &paths {
        fill(path, *vtpms, &[5; 294])?;
    }
    let [few, crowd] = [openings(&paths[0].0, quick)?, openings(&paths[1].0, quick)?];
    let bytes = bytes_in_use(&paths[1].0)? as f64 / f64::from(1 << 20);
    let (saves, written) = saves(&paths, quick)?;
    let row = |what: &str, aim, times, limit| Measured {
        name: NAME,
        what: what.into(),
        aim,
        times,
        limit,
    };
    // A save that is alone in its commit is one write and one flush.
    let limit = limit::of_files(folder.path(), &[written[0].bytes], quick)?;
    let opening = Times { ours: crowd.took, peer: Some(few.took) };
    Ok(Crowd {
        rows: vec![
            row("a save, alone in its commit", Some(SAVE_AIM), saves, Some(limit)),
            row("opening the store", None, opening, None),
        ],
        counted: format!(
            "{CROWD} vTPMs with RSA-2048 endorsement keys: {bytes:.1} MiB of the disk; opening takes \
             {} KiB of memory ({} KiB with {FEW}); each save writes {} bytes ({} with {FEW}) and \
             flushes {:.2} times",
            crowd.resident_kib,
            few.resident_kib,
            written[0].bytes,
            written[1].bytes,
            written[0].flushes,
        ),
    })
}

fn open(path: &Path) -> Result<(Ours, Counts)> {
    let (arguments, _) =
        Arguments::parse(["hwtpm=none"]).map_err(|why| anyhow!("the command line: {why}"))?;
    let (disk, entropy) = (FileDisk::open(path)?, Box::new(FakeEntropy::new(1)));
    let counts = disk.counts.clone();
    let parts =
        Parts { disk, keeper: WithoutHardware, hardware: None, entropy, now: Duration::ZERO };
    let opened = Manager::open(parts, &arguments);
    Ok((opened.map_err(|why| anyhow!("the store: {why}"))?.0, counts))
}

/// uuids are random: neighbours in number are no neighbours in the store.
pub(crate) fn uuid(number: u64) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[8..].copy_from_slice(&(number + 1).to_be_bytes());
    Uuid(bytes)
}

const fn device(domain: u16) -> DeviceId {
    DeviceId { frontend: DomainId(domain), device: 0 }
}

/// Attaches the vTPM with this number as this domain's.
fn attach(manager: &mut Ours, domain: u16, number: u64) -> Result<()> {
    let admitted = manager.attached(device(domain), uuid(number), |_| true);
    admitted.map_err(|why| anyhow!("{why}"))?;
    manager.connected(device(domain), None);
    Ok(())
}

fn request(manager: &mut Ours, domain: u16, request: Request<'_>) -> Result<()> {
    match manager.request(device(domain), &request.packet(), Duration::ZERO) {
        Reply::AfterCommit { .. } => Ok(()),
        other => bail!("the manager answered {other:?}"),
    }
}

/// A store with this many vTPMs, each with this endorsement key (none: it is only named) and saved
/// state.
pub(crate) fn fill(path: &Path, vtpms: u64, ek_public: &[u8]) -> Result<()> {
    drop(FileDisk::create(path, DISK_MEBIBYTES)?);
    let (mut manager, _) = open(path)?;
    for number in 0..vtpms {
        attach(&mut manager, 1, number)?;
        let ek = Register { version: Tpm20, ek_name: &[4; 34], ek_public };
        request(&mut manager, 1, Request::Register(ek))?;
        request(&mut manager, 1, Request::Save(&[6; 64]))?;
        manager.gone(device(1));
        if number % 500 == 499 || number + 1 == vtpms {
            let outcome = manager.commit(Duration::ZERO);
            ensure!(outcome.of(uuid(number)).is_ok(), "vTPM {number} was not kept");
        }
    }
    Ok(())
}

/// Bytes of the disk that hold something.
pub(crate) fn bytes_in_use(path: &Path) -> Result<u64> {
    let (mut manager, _) = open(path)?;
    let stats = match manager.request(device(0), &Ask::Stats.packet(), Duration::ZERO) {
        Reply::Now(answer) => Stats::of_answer(&answer).map_err(|why| anyhow!("{why}"))?,
        other => bail!("the manager answered {other:?}"),
    };
    let free = stats.free_pages * vtpm_store::manager::PAGE_BYTES as u64;
    Ok(((DISK_MEBIBYTES as u64) << 20).saturating_sub(free))
}

/// The times of saves among many and among few, by turns, and what each writes.
fn saves(paths: &[(PathBuf, u64); 2], quick: bool) -> Result<(Times, [Each; 2])> {
    let (mut few, mut crowd) = (Ready::open(&paths[0])?, Ready::open(&paths[1])?);
    let mut fastest = (None, None);
    for _ in 0..if quick { 4 } else { 20 } {
        keep_fastest(&mut fastest.0, crowd.turn()?);
        keep_fastest(&mut fastest.1, few.turn()?);
    }
    let times = Times { ours: fastest.0.unwrap_or_default(), peer: fastest.1 };
    Ok((times, [crowd.written(), few.written()]))
}

/// A manager with some vTPMs attached, as many as there are up to [`ATTACHED`].
pub(crate) struct Ready {
    pub(crate) manager: Ours,
    attached: u16,
    saved: u64,
    counts: Counts,
    before: Mark,
}

impl Ready {
    pub(crate) fn open((path, vtpms): &(PathBuf, u64)) -> Result<Self> {
        let (mut manager, counts) = open(path)?;
        let attached = u16::try_from(*vtpms).unwrap_or(ATTACHED).min(ATTACHED);
        for domain in 0..attached {
            let number = u64::from(domain) * vtpms / u64::from(attached);
            attach(&mut manager, domain + 1, number)?;
        }
        let before = counts.mark();
        Ok(Self { manager, attached, saved: 0, counts, before })
    }

    /// The average of some saves, each alone in its commit.
    pub(crate) fn turn(&mut self) -> Result<Duration> {
        let start = Instant::now();
        for save in 0..ATTACHED {
            self.saved += 1;
            let body = self.saved.to_be_bytes().repeat(8);
            request(&mut self.manager, save % self.attached + 1, Request::Save(&body))?;
            ensure!(self.manager.commit(Duration::ZERO).kept == 1, "a save was not kept");
        }
        Ok(start.elapsed() / u32::from(ATTACHED))
    }

    fn written(&self) -> Each {
        self.counts.each_since(self.before, self.saved)
    }
}

/// How long opening takes and how much memory it leaves in use.
pub(crate) struct Opened {
    pub(crate) took: Duration,
    pub(crate) resident_kib: i64,
}

/// The fastest of some openings, each in a process of its own.
pub(crate) fn openings(path: &Path, quick: bool) -> Result<Opened> {
    let mut best: Option<Opened> = None;
    for _ in 0..if quick { 2 } else { 10 } {
        let program = std::env::current_exe()?;
        let output = Command::new(program).arg("--opening").arg(path).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout)?;
        let (nanos, kib) = said.trim().split_once(' ').context("two numbers")?;
        let opened =
            Opened { took: Duration::from_nanos(nanos.parse()?), resident_kib: kib.parse()? };
        if best.as_ref().is_none_or(|best| opened.took < best.took) {
            best = Some(opened);
        }
    }
    best.context("no opening")
}

/// Opens in this process and says how long it took and how much memory it holds.
pub(crate) fn report_opening(path: &Path) -> Result<()> {
    let (before, start) = (resident_kib(), Instant::now());
    let (manager, _) = open(path)?;
    let took = start.elapsed();
    println!("{} {}", took.as_nanos(), resident_kib() - before);
    drop(manager);
    Ok(())
}

/// Resident memory of this process in KiB (`proc_pid_status(5)`, VmRSS).
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
