//! The real host.

use crate::booted::{self, Booted};
use crate::ended::{self, Ended};
use crate::exit::Exit;
use crate::images::{self, Images};
use crate::interrupt::Interrupt;
use crate::nodes::Nodes;
use crate::unfinished::{self, Making};
use crate::{hardware, lock, memory, ours, reap, seen, wires, xl};
use libxl_vtpm::Uuid;
use libxl_vtpm::plan::{
    Done, Halt, NotStarted, Problem, Readiness, Removed, Role, Stopped, Toolstack,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use xenlight_sys::{Autoballoon, Context, DomainConfig, End, Error, GuestFile, Library};

/// For a vTPM domain or a manager to end in order, and for any to be gone after it was destroyed.
pub(crate) const TO_END: Duration = Duration::from_secs(15);

/// For an ended domain to be taken away by the process that was left behind for it.
const TO_BE_REAPED: Duration = Duration::from_secs(5);

const XL_CONF: &str = "/etc/xen/xl.conf";

/// Everything that a command needs of this machine.
pub(crate) struct Host {
    pub(crate) xen: Context,
    pub(crate) nodes: Nodes,
    /// For whom domains are being started.
    pub(crate) guest: Option<String>,
    /// Until when others are waited for who are busy with a domain or with domain 0's memory; without it each
    /// has the usual time.
    pub(crate) until: Option<Instant>,
    begun: Instant,
    images: Images,
    /// While steps are taken.
    interrupt: Option<Interrupt>,
    /// Domains that were started here, by their names.
    started: BTreeMap<String, u32>,
    /// Why a domain that was started could not be noted as one of ours.
    unkept: Option<Problem>,
}

impl Host {
    pub(crate) fn open() -> Result<Self, Exit> {
        let library = Library::of_this_host()?;
        let xen = Context::open(library)
            .map_err(|error| Exit::NoXen(format!("{error}; run this as root in domain 0")))?;
        Ok(Self {
            xen,
            nodes: Nodes::open()?,
            guest: None,
            until: None,
            begun: Instant::now(),
            images: Images::default(),
            interrupt: None,
            started: BTreeMap::new(),
            unkept: None,
        })
    }

    /// Steps are about to be taken, which are taken back when the program is told to end.
    pub(crate) fn heeds_signals(&mut self) -> Result<(), Exit> {
        self.interrupt = Some(Interrupt::new().map_err(Exit::not_done)?);
        Ok(())
    }

    /// The number of a domain that must be there.
    pub(crate) fn find(&self, name: &str) -> Result<u32, Exit> {
        let missing = || Exit::not_done(format!("there is no domain {name}; see xl list"));
        self.xen.find(name).ok_or_else(missing)
    }

    /// Whether a domain says of itself that it is one of these.
    pub(crate) fn is(&self, domid: u32, role: Role) -> Result<bool, Exit> {
        Ok(self.nodes.said(domid, role, "state")?.is_some())
    }

    /// Whether xl would take memory from domain 0 for a new domain.
    fn takes_memory(&self) -> Result<bool, Error> {
        let text = fs::read(XL_CONF).unwrap_or_default();
        let conf = GuestFile::parse(self.xen.library(), XL_CONF, &text);
        let setting = conf.as_ref().map_or(Autoballoon::Auto, Autoballoon::of);
        Ok(setting.takes_memory(&self.xen.xen_command_line()?))
    }

    fn until(&self) -> Instant {
        self.until.unwrap_or_else(lock::patience)
    }

    fn create(&self, json: &str, role: Role) -> Result<u32, NotStarted> {
        let failed = Problem::from;
        let booted = (role == Role::Vtpm).then(|| Booted::by(json));
        let mut config = DomainConfig::from_json(&self.xen, json).map_err(failed)?;
        let domid =
            memory::create(&mut config, self.takes_memory().map_err(failed)?, self.until())?;
        // Before it can ask its manager for anything.
        if let Some(Err(why)) = booted.map(|booted| booted?.name_to_managers(&self.nodes, domid)) {
            eprintln!("xl-vtpm: warning: {}", booted::unnamed(&why));
        }
        self.xen.let_run(domid).map_err(failed)?;
        Ok(domid)
    }

    /// Makes a domain that is one of ours from then on. One that could not be noted as such has run all the
    /// same, and its disks are not blank any more: that is told when it is awaited, and it is taken back.
    fn make(&mut self, json: &str, making: &Making) -> Result<(), NotStarted> {
        let made = self.create(json, making.role);
        if let Ok(domid) = made {
            self.started.insert(making.name.clone(), domid);
            self.unkept = self.keep(domid, making.role, making.guest.as_deref()).err();
        }
        if self.unkept.is_none() {
            // Whoever comes next sees to a note that stays.
            let _ = unfinished::forget(&self.nodes, making.uuid);
        }
        made.map(drop)
    }

    /// Ends a domain that was started here, as told, if nobody else uses it by now.
    pub(crate) fn take_back(
        &self,
        name: &str,
        end: impl Fn(&Self, u32) -> Result<(), Problem>,
    ) -> Result<Stopped, Problem> {
        // Another domain of its name is another's.
        let Some(&domid) = self.started.get(name) else { return Ok(Stopped::Gone) };
        let domains = self.xen.domains().map_err(Problem::from)?;
        let there = |wanted| domains.iter().any(|it| it.domid == wanted && !it.dying);
        let wires = wires::of(&self.nodes, domains.iter().map(|it| it.domid))?;
        if let Some(user) = wires::user(&wires, domid, there) {
            let user = self.xen.name_of(user).unwrap_or_else(|| format!("domain {user}"));
            return Ok(Stopped::InUse(user));
        }
        if domains.iter().any(|it| it.domid == domid) {
            end(self, domid)?;
        }
        Ok(Stopped::Gone)
    }

    /// Notes a domain as one of ours, and leaves somebody behind who takes it away at its end.
    pub(crate) fn keep(&self, domid: u32, role: Role, guest: Option<&str>) -> Result<(), Problem> {
        ours::note(&self.nodes, domid, role, guest)?;
        reap::leave_behind(domid)
    }

    /// Asks a domain to end, and waits until it is gone; `false` when it does not end in time.
    pub(crate) fn end_in_order(&self, domid: u32, limit: Duration) -> Result<bool, Problem> {
        let failed = Problem::from;
        self.xen.shut_down(domid).map_err(failed)?;
        match self.xen.wait_for_end(domid, limit).map_err(failed)? {
            None => return Ok(false),
            Some(End::Gone) => return Ok(true),
            Some(End::Shutdown(_)) => {}
        }
        // Whoever started it takes it away; unless nobody is left who would.
        if !self.xen.wait_for_gone(domid, TO_BE_REAPED).map_err(failed)? {
            self.destroy(domid)?;
        }
        Ok(true)
    }

    /// Ends a domain that keeps what it must by itself: in order if it lets itself be within this time, else by
    /// force.
    pub(crate) fn end_within(&self, domid: u32, limit: Duration) -> Result<Ended, Problem> {
        let asked = self.end_in_order(domid, limit);
        ended::end(asked, || self.runs(domid), || self.destroy(domid))
    }

    fn runs(&self, domid: u32) -> bool {
        // What cannot be asked for is not known to have ended.
        let Ok(domain) = self.xen.domain(domid) else { return true };
        domain.is_some_and(|domain| domain.shutdown.is_none() && !domain.dying)
    }

    /// Takes a domain apart, whatever it does, and waits until it is gone.
    pub(crate) fn destroy(&self, domid: u32) -> Result<(), Problem> {
        let failed = Problem::from;
        // Somebody else may be faster.
        let destroyed = self.xen.destroy(domid);
        if self.xen.wait_for_gone(domid, TO_END).map_err(failed)? {
            let there = |path: &str| self.nodes.list(path).is_ok_and(|nodes| !nodes.is_empty());
            for path in destroyed.unwrap_or_default().iter().filter(|path| there(path)) {
                eprintln!("xl-vtpm: warning: {}", device_left(domid, path));
            }
            return Ok(());
        }
        destroyed.map_err(failed)?;
        Err(Problem("it is still there after it was destroyed".into()))
    }
}

/// What is said of a device that libxl could not remove with its domain.
fn device_left(domid: u32, path: &str) -> String {
    let disk = if path.contains("/vbd/") {
        ", and losetup -a whether its image is still held"
    } else {
        ""
    };
    format!(
        "domain {domid} is gone, but libxl could not remove its device {path}; xenstore-ls {path} shows what is left{disk}"
    )
}

/// The uuid that xl has chosen for a domain, unless its file names one.
fn uuid_of(json: &str) -> Result<Uuid, Problem> {
    #[derive(Deserialize)]
    struct Whole {
        c_info: Info,
    }
    #[derive(Deserialize)]
    struct Info {
        uuid: Uuid,
    }
    let whole: Result<Whole, _> = serde_json::from_str(json);
    whole
        .map(|whole| whole.c_info.uuid)
        .map_err(|error| Problem(format!("xl printed no uuid: {error}")))
}

impl Toolstack for Host {
    fn make_image(&mut self, path: &Path, mib: u32, allocated: bool) -> Result<Done, Problem> {
        if !path.exists()
            && let Some(why) =
                seen::refusal(path, self.nodes.read(&seen::note_of(path))?.as_deref())
        {
            return Err(Problem(why));
        }
        let allocate = allocated.then_some(images::allocate as images::Allocate);
        match self.images.make(path, mib, allocate) {
            Ok(()) => Ok(Done::Here),
            // libxl runs the scripts of all of a guest's disks at once, for one.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => {
                Ok(Done::ByAnother)
            }
            Err(error) => Err(Problem(error.to_string())),
        }
    }

    fn remove_image(&mut self, path: &Path, domain: &str) -> Result<Removed, Problem> {
        let nobody_starts_it = || lock::domain(domain, Instant::now());
        let removed =
            self.images.remove(path, nobody_starts_it, || self.xen.find(domain).is_some());
        let removed = removed.map_err(|error| Problem(error.to_string()))?;
        let note = seen::note_of(path);
        // The disk script may have noted it before the domain failed; it is nobody's loss.
        if removed == Removed::Gone
            && seen::refusal(path, self.nodes.read(&note)?.as_deref()).is_some()
        {
            self.nodes.remove(&note)?;
        }
        Ok(removed)
    }

    fn start_domain(&mut self, name: &str, role: Role, file: &Path) -> Result<Done, NotStarted> {
        let _one_creator = lock::domain(name, self.until())?;
        unfinished::clear_named(self, name, &mut |line| eprintln!("xl-vtpm: {line}"))?;
        if self.xen.find(name).is_some() {
            return Ok(Done::ByAnother);
        }
        let json = xl::config_json(file)?;
        if role == Role::Manager {
            hardware::refuse(&json)?;
        }
        let (name, guest) = (name.to_owned(), self.guest.clone());
        let making = Making { uuid: uuid_of(&json)?, name, role, guest };
        unfinished::note(&self.nodes, &making)?;
        self.make(&json, &making)?;
        Ok(Done::Here)
    }

    fn start_guest(&mut self, file: &Path, for_xl: Option<&str>) -> Result<(), Problem> {
        xl::create(file, for_xl)
    }

    fn stop_domain(&mut self, name: &str) -> Result<Stopped, Problem> {
        self.take_back(name, |host, domid| {
            if host.end_within(domid, TO_END)? == Ended::ByForce {
                eprintln!("xl-vtpm: warning: {}", ended::by_force(name, TO_END));
            }
            Ok(())
        })
    }

    fn readiness(&mut self, name: &str, role: Role) -> Result<Readiness, Problem> {
        let gone = || Problem(format!("it has ended; see what it said last: xl-vtpm logs {name}"));
        if let Some(why) = self.unkept.take() {
            return Err(why);
        }
        let domid = self.xen.find(name).ok_or_else(gone)?;
        let domain = self.xen.domain(domid).map_err(Problem::from)?;
        let readiness = hardware::hint(role, self.nodes.readiness(domid, role)?);
        match domain {
            Some(domain) if domain.shutdown.is_none() && !domain.dying => Ok(readiness),
            _ if matches!(readiness, Readiness::Failed(_)) => Ok(readiness),
            _ => Err(gone()),
        }
    }

    fn go_on(&mut self) -> Result<(), Halt> {
        let told = self.interrupt.as_ref().is_some_and(Interrupt::is_told);
        if told { Err(Halt::Interrupted) } else { Ok(()) }
    }

    fn clock(&self) -> Duration {
        self.begun.elapsed()
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[test]
fn a_device_that_outlives_its_domain_is_named_with_where_to_look() {
    let disk = device_left(7, "/local/domain/0/backend/vbd/7/51712");
    assert!(
        disk.contains("xenstore-ls /local/domain/0/backend/vbd/7/51712")
            && disk.contains("losetup -a")
    );
    assert!(!device_left(7, "/local/domain/0/backend/vif/7/0").contains("losetup"));
}
