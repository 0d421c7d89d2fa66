//! 500 vTPMs at one manager, each with a next request whenever it has an answer.
//!
//! The real manager domain's loop serves 500 pages and ports; page, event channel and xenstore are doubles in
//! memory, the store is a file that is flushed.

use crate::crowd::{DISK_MEBIBYTES, uuid};
use crate::file_disk::FileDisk;
use anyhow::{Context, Result, anyhow, bail, ensure};
use domain_io::test_utils::{FakeClock, FakeEntropy, FakeSharing, FakeStore, World};
use domain_io::{Clock, DomainId, Xenstore};
use std::path::Path;
use std::time::{Duration, Instant};
use tpm_wire::Header;
use tpm_wire::manager::Request;
use tpmfront::{Event, Frontend};
use tpmif::nodes::DeviceId;
use tpmif::peers::{Libxl, Waiting};
use vtpm_manager::{Arguments, Manager, Parts, WithoutHardware};
use vtpmmgr_stubdom::{ManagerDomain, NoLabels};

/// What to call this row on the command line.
pub(crate) const NAME: &str = "fairness";

const VTPMS: u16 = 500;
const MANAGER: DomainId = DomainId(900);
/// Every second request is a save; the others ask for what was kept.
const STATE: [u8; 64] = [6; 64];

/// What 500 vTPMs got.
pub(crate) struct Fairness {
    took: Duration,
    commands: u64,
    saves: u64,
    /// Of the vTPM that was served least, and of the one that was served most.
    each: (u64, u64),
    /// The longest that each waited: of the luckiest, and of the unluckiest.
    longest: (Duration, Duration),
}

/// Serves 500 vTPMs with a store below `folder`, for four seconds, or half a second when `quick`.
pub(crate) fn measure(folder: &Path, quick: bool) -> Result<Fairness> {
    let folder = tempfile::tempdir_in(folder).context("no temporary folder")?;
    let disk = FileDisk::create(&folder.path().join("vmgr.img"), DISK_MEBIBYTES)?;
    let mut machine = Machine::start(disk)?;
    let mut vtpms =
        (1..=VTPMS).map(|n| Vtpm::attach(&mut machine, n)).collect::<Result<Vec<_>>>()?;
    for vtpm in &mut vtpms {
        vtpm.connect(&mut machine)?;
    }
    let start = Instant::now();
    let limit = Duration::from_millis(if quick { 500 } else { 4000 });
    while start.elapsed() < limit {
        vtpms.iter_mut().try_for_each(Vtpm::ask)?;
        machine.turn();
        vtpms.iter_mut().try_for_each(Vtpm::answer)?;
    }
    Fairness::of(&vtpms, start.elapsed())
}

impl Fairness {
    fn of(vtpms: &[Vtpm], took: Duration) -> Result<Self> {
        let answered = || vtpms.iter().map(|vtpm| vtpm.answered);
        let longest = || vtpms.iter().map(|vtpm| vtpm.longest);
        let least = answered().min().context("no vTPM")?;
        ensure!(least > 0, "a vTPM was never answered");
        Ok(Self {
            took,
            commands: answered().sum(),
            saves: vtpms.iter().map(|vtpm| vtpm.saves).sum(),
            each: (least, answered().max().unwrap_or(least)),
            longest: (longest().min().unwrap_or_default(), longest().max().unwrap_or_default()),
        })
    }
}

/// One paragraph; nothing when nothing was measured.
pub(crate) fn text(fairness: Option<&Fairness>) -> String {
    let Some(Fairness { took, commands, saves, each, longest }) = fairness else {
        return String::new();
    };
    let seconds = took.as_secs_f64();
    format!(
        "\n{VTPMS} vTPMs that always have a next request: {:.0} answers/s ({:.0} of them saves, kept); each had \
         {} to {} answers,\nand the longest wait of each is from {:.1} ms to {:.1} ms   ./x bench {NAME}\n",
        *commands as f64 / seconds,
        *saves as f64 / seconds,
        each.0,
        each.1,
        longest.0.as_secs_f64() * 1e3,
        longest.1.as_secs_f64() * 1e3,
    )
}

/// One object; times in seconds.
pub(crate) fn json(fairness: Option<&Fairness>) -> String {
    let Some(Fairness { took, commands, saves, each, longest }) = fairness else {
        return String::new();
    };
    format!(
        "{{\"row\":\"{NAME}\",\"vtpms\":{VTPMS},\"took\":{},\"answers\":{commands},\"saves\":{saves},\"least\":{},\
         \"most\":{},\"luckiest\":{},\"unluckiest\":{}}}\n",
        took.as_secs_f64(),
        each.0,
        each.1,
        longest.0.as_secs_f64(),
        longest.1.as_secs_f64(),
    )
}

/// A manager domain without a hardware TPM, and the toolstack.
struct Machine {
    world: World,
    libxl: Libxl,
    domain: ManagerDomain<FileDisk, WithoutHardware, FakeSharing, NoLabels>,
    store: FakeStore,
    sharing: FakeSharing,
    clock: FakeClock,
}

impl Machine {
    fn start(disk: FileDisk) -> Result<Self> {
        let world = World::new();
        world.add_domain(MANAGER);
        let (mut store, sharing, clock) =
            (world.store(MANAGER), world.sharing(MANAGER), world.clock());
        let parsed = Arguments::parse(["hwtpm=none"]);
        let (arguments, _) = parsed.map_err(|why| anyhow!("the command line: {why}"))?;
        let entropy = Box::new(FakeEntropy::new(1));
        let parts =
            Parts { disk, keeper: WithoutHardware, hardware: None, entropy, now: clock.now() };
        let opened = Manager::open(parts, &arguments);
        let (manager, _) = opened.map_err(|why| anyhow!("the store: {why}"))?;
        let domain = ManagerDomain::new(&mut store, manager, NoLabels, clock.now());
        let domain = domain.map_err(|why| anyhow!("no backend: {why:?}"))?;
        Ok(Self { libxl: Libxl::new(&world), world, domain, store, sharing, clock })
    }

    /// What the image's loop does when it wakes up.
    fn turn(&mut self) {
        while let Some(event) = self.store.next_event() {
            self.domain.notice(&event);
        }
        self.domain.turn(&mut self.store, &mut self.sharing, &self.clock);
    }

    fn later(&mut self) {
        self.clock.advance(Duration::from_millis(100));
        self.turn();
    }
}

/// A vTPM domain's end of its way to the manager.
struct Vtpm {
    store: FakeStore,
    sharing: FakeSharing,
    frontend: Frontend<FakeSharing>,
    clock: FakeClock,
    asked: Option<Instant>,
    answered: u64,
    saves: u64,
    longest: Duration,
}

impl Vtpm {
    /// Its domain is created, with a device at the manager.
    fn attach(machine: &mut Machine, number: u16) -> Result<Self> {
        let domain = DomainId(number);
        let id = DeviceId { frontend: domain, device: 0 };
        machine.world.add_domain(domain);
        let mut wait = machine.libxl.attach(MANAGER, id);
        let node = format!("{}/uuid", Libxl::backend_dir(MANAGER, id));
        let uuid = uuid(u64::from(number)).to_string();
        machine.libxl.store.write(&node, &uuid).map_err(|why| anyhow!("{node}: {why:?}"))?;
        while wait.poll() == Waiting::Still {
            machine.later();
        }
        ensure!(wait.poll() == Waiting::Reached, "vTPM {number} gets no device");
        let (mut store, sharing) = (machine.world.store(domain), machine.world.sharing(domain));
        let frontend = Frontend::new(&mut store).map_err(|why| anyhow!("no frontend: {why:?}"))?;
        let (clock, asked, longest) = (machine.world.clock(), None, Duration::ZERO);
        Ok(Self { store, sharing, frontend, clock, asked, answered: 0, saves: 0, longest })
    }

    fn connect(&mut self, machine: &mut Machine) -> Result<()> {
        for _ in 0..100 {
            let _ = self.poll();
            if self.frontend.is_connected() {
                return Ok(());
            }
            machine.later();
        }
        bail!("a vTPM does not connect")
    }

    fn poll(&mut self) -> Option<Event> {
        while let Some(event) = self.store.next_event() {
            self.frontend.notice(&event);
        }
        self.frontend.poll(&mut self.store, &mut self.sharing, &self.clock)
    }

    /// Asks, unless it waits for an answer.
    fn ask(&mut self) -> Result<()> {
        if self.asked.is_some() {
            return Ok(());
        }
        let request =
            if self.answered.is_multiple_of(2) { Request::Save(&STATE) } else { Request::Load };
        let submitted = self.frontend.submit(0, &request.packet());
        submitted.map_err(|why| anyhow!("the page does not take a request: {why:?}"))?;
        self.asked = Some(Instant::now());
        Ok(())
    }

    /// Takes the answer, where there is one.
    fn answer(&mut self) -> Result<()> {
        let Some(Event::Answer(answer)) = self.poll() else { return Ok(()) };
        let (header, _) = Header::parse(&answer).map_err(|why| anyhow!("an answer: {why:?}"))?;
        ensure!(header.code == 0, "a request was answered with {:#x}", header.code);
        self.saves += u64::from(self.answered.is_multiple_of(2));
        self.answered += 1;
        self.longest =
            self.longest.max(self.asked.take().context("an answer to nothing")?.elapsed());
        Ok(())
    }
}
