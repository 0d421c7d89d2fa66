//! One QEMU machine: what it is made of, its serial lines, its TPM, its disks, its snapshot.

mod child;
mod crash;
mod echo;
pub(crate) mod input;
mod kept;
mod line;
mod options;
pub(crate) mod output;
mod qemu;
mod qmp;
mod serial;
mod snapshot;
mod tpm;
mod writes;

pub use crash::Crash;
pub(crate) use crash::Watch;
pub(crate) use line::{Event, Next, Port};
pub use options::{Options, Tpm, TpmDevice};
pub(crate) use serial::{Screen, Serial};
pub(crate) use tpm::Socket;

use crate::fetch::{self, Set};
use crate::image::{self, Images};
use crate::logs::Log;
use crate::place::Place;
use crate::program;
use anyhow::{Context, Result, bail};
use child::Child;
use qmp::Qmp;
use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Sparse disks for files into and out of dom0.
const DISK_BYTES: u64 = 1 << 30;

/// How long serial lines are waited for before time and interrupts are looked at.
const TURN: Duration = Duration::from_millis(100);

/// Xen turns the machine off within this after dom0 asked for it.
const POWER_OFF: Duration = Duration::from_secs(60);

/// Where one machine's sockets and disks lie while it lives.
pub(crate) struct Workshop {
    folder: TempDir,
    /// The TPM that is in the machine from its next start on.
    pub(crate) tpm: Cell<Socket>,
}

impl Workshop {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("lab.").tempdir()?;
        Ok(Self { folder, tpm: Cell::new(Socket::First) })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn blank_disk(&self, name: &str) -> Result<()> {
        File::create(self.path(name))?.set_len(DISK_BYTES)?;
        Ok(())
    }
}

/// Everything that is needed before a machine can be started.
pub(crate) struct Parts<'a> {
    pub(crate) place: &'a Place,
    pub(crate) options: &'a Options,
    pub(crate) images: Images,
    qemu: PathBuf,
    deadline: Instant,
}

/// The time limit was reached.
#[derive(Debug)]
pub struct TimeLimit(pub Duration);

impl std::fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the time limit of {} s was reached", self.0.as_secs())
    }
}

impl std::error::Error for TimeLimit {}

impl<'a> Parts<'a> {
    /// Fetches and builds what is missing. The time limit counts from the end of that.
    pub(crate) fn gather(place: &'a Place, options: &'a Options) -> Result<Self> {
        let images = image::of(place, options.release.0)?;
        let qemu = fetch::tree(place, Set::Qemu)?;
        if options.tpm.is_some() {
            fetch::tree(place, Set::Swtpm)?;
        }
        let deadline = Instant::now() + options.time_limit;
        Ok(Self { place, options, images, qemu, deadline })
    }

    /// Gives up at the deadline or when someone asked to stop.
    pub(crate) fn check_time(&self) -> Result<()> {
        crate::interrupt::check()?;
        if Instant::now() >= self.deadline {
            bail!(TimeLimit(self.options.time_limit));
        }
        Ok(())
    }
}

/// A running machine. Dropped, it is killed.
pub(crate) struct Machine<'a> {
    parts: &'a Parts<'a>,
    pub(crate) serial: Serial,
    qmp: Qmp,
    qemu: Child,
    errors: PathBuf,
    tpm: Option<Child>,
}

/// How a machine comes to life.
pub(crate) enum Start<'a> {
    /// Boots and runs what the input disk holds.
    Boot,
    /// Boots up to the point where the machine is saved.
    BootToSave,
    /// Goes on from a saved machine.
    Restore(&'a Path),
}

impl<'a> Machine<'a> {
    /// Starts QEMU in `workshop`, whose disks must exist.
    pub(crate) fn start(
        parts: &'a Parts<'a>,
        workshop: &Workshop,
        how: &Start<'_>,
        screen: Option<Screen>,
    ) -> Result<Self> {
        let tpm = tpm::version(parts, workshop);
        let tpm = tpm.map(|kind| tpm::start(parts, workshop, kind)).transpose()?;
        let listeners = serial::Listeners::bind(workshop)?;
        let errors = workshop.path("qemu.err");
        let command = qemu::command(parts, workshop, how);
        let modules = ("QEMU_MODULE_DIR", parts.qemu.join(program::LIBRARIES).join("qemu"));
        let mut qemu = Child::spawn(&command, &[modules], Some(File::create(&errors)?))?;
        let mut alive = || -> Result<()> {
            parts.check_time()?;
            if let Some(status) = qemu.ended()? {
                bail!("QEMU ended with {status}: {}", tail(&errors));
            }
            Ok(())
        };
        let (serial, control) = listeners.accept(screen, &mut alive)?;
        let mut qmp =
            Qmp::greet(control).with_context(|| format!("QEMU said: {}", tail(&errors)))?;
        if let Start::Restore(_) = how {
            while qmp.status()? == "inmigrate" {
                alive()?;
                std::thread::sleep(Duration::from_millis(10));
            }
            qmp.execute("cont").context("cannot go on from the snapshot")?;
        }
        Ok(Self { parts, serial, qmp, qemu, errors, tpm })
    }

    /// The next thing that happens on a serial line; none when QEMU is gone.
    pub(crate) fn next(&mut self, log: &Log) -> Result<Option<Event>> {
        match self.next_before(log, None)? {
            Next::Event(event) => Ok(Some(event)),
            Next::Nothing | Next::End => Ok(None),
        }
    }

    /// The next thing that happens on a serial line; nothing once `end` has come.
    pub(crate) fn next_before(&mut self, log: &Log, end: Option<Instant>) -> Result<Next> {
        loop {
            self.parts.check_time()?;
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(Next::Nothing);
            }
            match self.serial.next(left.unwrap_or(TURN).min(TURN)) {
                Next::Nothing => {}
                Next::Event(event) => {
                    log.event(&event);
                    return Ok(Next::Event(event));
                }
                Next::End => return Ok(Next::End),
            }
        }
    }

    /// Logs what is still coming, for so long at most.
    pub(crate) fn last_words(&mut self, log: &Log, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            match self.serial.next(TURN) {
                Next::Event(event) => log.event(&event),
                Next::Nothing => {}
                Next::End => return,
            }
        }
    }

    /// Whether a power cut is not the end of it.
    pub(crate) fn lives_over_boots(&self) -> bool {
        self.parts.options.boots
    }

    /// Cuts the power: of the machine first, so that nobody sees the TPM go. Says what the disk of
    /// `workshop` lost.
    pub(crate) fn cut(&mut self, workshop: &Workshop) -> Result<String> {
        self.qemu.kill()?;
        self.tpm.as_mut().map_or(Ok(()), Child::kill)?;
        Ok(kept::lose(workshop).context("cannot make the disk of after the cut")?.to_string())
    }

    /// Keeps the TPM from answering, or lets it go on.
    ///
    /// # Errors
    /// There is no TPM in the machine.
    pub(crate) fn hold_tpm(&self, held: bool) -> Result<()> {
        self.tpm.as_ref().context("there is no TPM to hold (needs: tpm=2 or 1.2)")?.hold(held)
    }

    /// Waits until a machine that is shutting down has turned itself off, its TPM with it.
    pub(crate) fn wait_until_off(&mut self, log: &Log) -> Result<()> {
        let end = Instant::now() + POWER_OFF;
        while let Next::Event(_) = self.next_before(log, Some(end))? {}
        let tpm = self.tpm.as_mut();
        for child in [Some(&mut self.qemu), tpm].into_iter().flatten() {
            while child.ended()?.is_none() {
                self.parts.check_time()?;
                if Instant::now() >= end {
                    bail!("the machine did not turn itself off within {} s", POWER_OFF.as_secs());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    /// What QEMU itself complained about.
    pub(crate) fn complaints(&self) -> String {
        tail(&self.errors)
    }
}

fn tail(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let start = text.trim().len().saturating_sub(1500);
    text.trim().get(start..).unwrap_or_default().to_owned()
}

/// Prepares both disks and starts the machine the way the options ask for.
pub(crate) fn start<'a>(
    parts: &'a Parts<'a>,
    workshop: &Workshop,
    input: &input::Input,
    log: &Log,
    screen: Option<Screen>,
) -> Result<Machine<'a>> {
    let saved = match parts.options.fast {
        true => Some(snapshot::of(parts, log)?),
        false => None,
    };
    workshop.blank_disk("out.img")?;
    if parts.options.boots {
        kept::prepare(parts, workshop)?;
    }
    input.write(&workshop.path("in.img"), DISK_BYTES)?;
    let how = saved.as_deref().map_or(Start::Boot, Start::Restore);
    Machine::start(parts, workshop, &how, screen)
}
