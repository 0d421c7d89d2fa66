//! What it costs to keep what a guest wrote, on files of one filesystem.
//!
//! Ours is the whole chain: a guest's page, backend, engine, keeper, the page to the manager, the
//! manager's store, with a flush of either disk before the answer. swtpm itself never syncs, so its
//! caller does: the state file, and the directory into which swtpm renames it. A second row has a hardware
//! TPM, another swtpm, whose counter follows each commit before the answer.

use crate::file_disk::{Counts, Each, FileDisk};
use crate::instructions::repeated;
use crate::limit;
use crate::measure::{Rounds, Times, keep_fastest};
use crate::peer::STATE_FILE;
use crate::rollback::{Meter, Metered};
use crate::rows::Measured;
use crate::sides::Tpm;
use anyhow::{Context, Result, ensure};
use flow_tests::packets::{nv, response_code};
use flow_tests::{AnyDisk, Board, Boards, Chain, Guest, Machine, Managed};
use peers::{Family, RawTpm, Swtpm, unless_missing};
use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;
use tpm_wire::TpmVersion;
use tpm_wire::manager::Force;
use tpm_wire::tpm20::{StartupType, startup};
use vtpm_custody::Access;
use vtpm_manager::{Hardware, WithHardware};

/// What to call this row on the command line.
pub(crate) const NAME: &str = "durable-write";

const AIM: f64 = 2.5;
const INDEX: u32 = 0x0180_0001;
const BYTES: u16 = 64;

/// Somebody who keeps what is written.
trait Keeper {
    fn keep(&mut self, packet: &[u8]) -> Result<()>;
}

/// The chain on two files.
struct Ours {
    chain: Chain<Managed>,
    guest: Guest,
    counts: [Counts; 2],
}

impl Ours {
    fn start(folder: &Path, boards: Boards) -> Result<Self> {
        let vtpm = FileDisk::create(&folder.join("vtpm.img"), 2)?;
        let manager = FileDisk::create(&folder.join("vmgr.img"), 16)?;
        let counts = [vtpm.counts.clone(), manager.counts.clone()];
        let shared = |disk: FileDisk| -> AnyDisk { Rc::new(RefCell::new(disk)) };
        let machine = Machine::with_boards(shared(vtpm), shared(manager), boards);
        let mut machine = machine.map_err(|why| anyhow::anyhow!("no manager: {why}"))?;
        let chain = machine.start("tpm2");
        let mut chain = chain.map_err(|why| anyhow::anyhow!("no vTPM: {why:?}"))?;
        let guest = Guest::boot(&mut chain, 1);
        let mut ours = Self { chain, guest, counts };
        ours.keep(&nv::define(INDEX, BYTES))?;
        Ok(ours)
    }
}

impl Keeper for Ours {
    fn keep(&mut self, packet: &[u8]) -> Result<()> {
        let answer = self.guest.send(&mut self.chain, packet);
        ensure!(response_code(&answer) == 0, "{packet:02x?} was answered {answer:02x?}");
        Ok(())
    }
}

/// swtpm, and whoever syncs what it wrote.
struct Peer {
    tpm: RawTpm,
    _swtpm: Swtpm,
    folder: PathBuf,
}

impl Peer {
    fn start(folder: &Path) -> Result<Option<Self>> {
        fs::create_dir(folder)?;
        let Some(swtpm) = unless_missing(Swtpm::start_with_state(Family::Tpm20, folder)) else {
            return Ok(None);
        };
        let Some(tpm) = unless_missing(swtpm.connect()) else { return Ok(None) };
        let mut peer = Self { tpm, _swtpm: swtpm, folder: folder.to_path_buf() };
        peer.tpm.succeed(&startup(StartupType::CLEAR))?;
        peer.keep(&nv::define(INDEX, BYTES))?;
        Ok(Some(peer))
    }
}

impl Keeper for Peer {
    fn keep(&mut self, packet: &[u8]) -> Result<()> {
        self.tpm.succeed(packet)?;
        File::open(self.folder.join(STATE_FILE))?.sync_all()?;
        Ok(File::open(&self.folder)?.sync_all()?)
    }
}

/// Measures below `folder`. No other TPM may run in this process. The rows, and what was counted.
pub(crate) fn measure(folder: &Path, quick: bool) -> Result<(Vec<Measured>, String)> {
    let folder = tempfile::tempdir_in(folder).context("no temporary folder")?;
    let mut peer = Peer::start(&folder.path().join("swtpm"))?;
    let rounds = Rounds { rounds: if quick { 4 } else { 20 }, batch: 25 };
    let ours = Ours::start(folder.path(), Rc::new(|_| Board::bare()))?;
    let (times, written) = by_turns(ours, &mut peer, rounds)?;
    let limit = limit::of_files(folder.path(), &written.map(|each| each.bytes), quick)?;
    let [vtpm, manager] = written;
    let mut counted = format!(
        "each write: {:.2} flushes and {} bytes by the vTPM, {:.2} flushes and {} bytes by the manager",
        vtpm.flushes, vtpm.bytes, manager.flushes, manager.bytes
    );
    let what = "TPM2_NV_Write of 64 bytes, kept".into();
    let mut rows = vec![Measured { name: NAME, what, aim: Some(AIM), times, limit: Some(limit) }];
    let meter = Meter::default();
    if let Some(boards) = counting(&meter) {
        let ours = Ours::start(folder.path(), boards)?;
        let (before, took) = (meter.increments.get(), meter.took.get());
        let (times, _) = by_turns(ours, &mut peer, rounds)?;
        let increments = meter.increments.get() - before;
        let each = (meter.took.get() - took) / u32::try_from(increments.max(1))?;
        let writes = rounds.rounds as f64 * f64::from(rounds.batch);
        counted += &format!(
            "\nstrict: {:.3} increments for each write, each of which takes the hardware TPM (swtpm here) \
             {:.2} ms, its reading back included",
            increments as f64 / writes,
            each.as_secs_f64() * 1e3
        );
        let what = "the same, strict over a TPM 2.0".into();
        rows.push(Measured { name: NAME, what, aim: None, times, limit: Some(limit + each) });
    }
    Ok((rows, counted))
}

/// So many writes that are kept, without a hardware TPM and without a peer.
pub(crate) fn repeat(folder: &Path, times: u32) -> Result<()> {
    let folder = tempfile::tempdir_in(folder).context("no temporary folder")?;
    let mut ours = Ours::start(folder.path(), Rc::new(|_| Board::bare()))?;
    repeated(times, &mut |number| ours.keep(&numbered(u64::from(number))))
}

/// A board with swtpm as the hardware TPM, to which the store is sealed and which counts each commit.
fn counting(meter: &Meter) -> Option<Boards> {
    let swtpm = unless_missing(Swtpm::start(Family::Tpm20))?;
    let tpm = unless_missing(swtpm.connect())?;
    // There is one manager, so it is taken once; swtpm ends with the board.
    let parts = RefCell::new(Some(Metered { tpm, meter: meter.clone() }));
    Some(Rc::new(move |world| {
        let _running = &swtpm;
        let mut tpm = parts.borrow_mut().take().expect("one manager");
        let clock = world.clock();
        tpm_hw::start(&mut tpm, TpmVersion::Tpm20, &clock).expect("swtpm starts");
        Board {
            hardware: Some(Hardware { tpm: Box::new(tpm), version: TpmVersion::Tpm20 }),
            keeper: Box::new(WithHardware::new(Access::default(), clock, Force::Yes)),
            line: "tpm2 rollback=strict budget=86400".into(),
        }
    }))
}

/// The times of both sides, and what each write cost our disks: the vTPM's, the manager's.
fn by_turns(mut ours: Ours, peer: &mut Option<Peer>, rounds: Rounds) -> Result<(Times, [Each; 2])> {
    let before = ours.counts.each_ref().map(Counts::mark);
    let (mut fastest, mut writes) = ((None, None), 0);
    for round in 0..rounds.rounds {
        writes += u64::from(rounds.batch);
        keep_fastest(&mut fastest.0, batch(&mut ours, round, rounds.batch)?);
        if let Some(peer) = peer {
            keep_fastest(&mut fastest.1, batch(peer, round, rounds.batch)?);
        }
    }
    let written = [0, 1].map(|at| ours.counts[at].each_since(before[at], writes));
    Ok((Times { ours: fastest.0.unwrap_or_default(), peer: fastest.1 }, written))
}

/// The average of some writes, each of other bytes.
fn batch(keeper: &mut dyn Keeper, round: usize, count: u32) -> Result<std::time::Duration> {
    let start = Instant::now();
    for write in 0..count {
        let number = u64::from(write) + round as u64 * u64::from(count);
        keeper.keep(&numbered(number))?;
    }
    Ok(start.elapsed() / count.max(1))
}

/// A write of bytes that no other number has.
fn numbered(number: u64) -> Vec<u8> {
    nv::write(INDEX, &number.to_be_bytes().repeat(usize::from(BYTES) / 8))
}
