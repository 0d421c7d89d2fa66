//! The guest: what it has, and what it does next.

use crate::random::Random;
use crate::tally::{Kind, Tally};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{Clock, DomainId, GrantRef, Sharing, Xenstore};

/// The frontend's end of its device.
pub(crate) const FRONTEND: &str = "device/vtpm/0";

/// How long an opening waits for each step of the backend's, which lets a device open once a second
/// after the first ten times.
const PATIENCE: Duration = Duration::from_millis(1500);
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How much is done before a look whether the backend is still connected.
const UNLOOKED: u32 = 3;

/// What to do while the backend is connected, each as often as it is worth.
const INSIDE: [Kind; 24] = [
    Kind::Command,
    Kind::Command,
    Kind::Command,
    Kind::Command,
    Kind::Command,
    Kind::Race,
    Kind::Race,
    Kind::Race,
    Kind::Race,
    Kind::Packet,
    Kind::Packet,
    Kind::Header,
    Kind::Header,
    Kind::Extra,
    Kind::Extra,
    Kind::Flood,
    Kind::Flood,
    Kind::Storm,
    Kind::Revoke,
    Kind::WrongPage,
    Kind::WrongPort,
    Kind::Node,
    Kind::Path,
    Kind::Reach,
];

/// What to do while it is not.
const OUTSIDE: [Kind; 12] = [
    Kind::Open,
    Kind::Open,
    Kind::Open,
    Kind::Open,
    Kind::Open,
    Kind::Open,
    Kind::Storm,
    Kind::WrongPage,
    Kind::WrongPort,
    Kind::Node,
    Kind::Path,
    Kind::Reach,
];

/// A clock that can be waited for.
pub trait Rest: Clock {
    /// Returns after about this time; others run meanwhile.
    fn rest(&mut self, time: Duration);
}

/// Who is attacked.
#[derive(Clone, Debug)]
pub struct Target {
    /// This domain's own number.
    pub own: DomainId,
    /// The vTPM domain.
    pub backend: DomainId,
    /// Domains whose nodes, pages and ports ought to be out of reach.
    pub others: Vec<DomainId>,
}

/// The page and the port that were published last.
pub(crate) struct Link<S: Sharing> {
    pub(crate) page: S::Page,
    pub(crate) grant: GrantRef,
    pub(crate) port: S::Port,
}

/// A hostile guest with one vTPM device, which the toolstack has announced.
pub struct Hostile<X, S: Sharing> {
    pub(crate) store: X,
    pub(crate) sharing: S,
    pub(crate) revoke: fn(&S::Page),
    pub(crate) target: Target,
    pub(crate) random: Random,
    pub(crate) link: Option<Link<S>>,
    pub(crate) tally: Tally,
    connected: bool,
    unlooked: u32,
}

impl<X: Xenstore, S: Sharing> Hostile<X, S> {
    /// A guest that has not done anything yet. `revoke` takes a page's grant back whoever uses it.
    pub fn new(store: X, sharing: S, revoke: fn(&S::Page), target: Target, seed: u64) -> Self {
        let (random, tally) = (Random::new(seed), Tally::default());
        let (link, connected, unlooked) = (None, false, 0);
        Self { store, sharing, revoke, target, random, link, tally, connected, unlooked }
    }

    /// What was done so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Does one thing. It may rest for some seconds.
    pub fn act<T: Rest>(&mut self, time: &mut T) {
        self.unlooked += 1;
        if self.connected && self.unlooked > UNLOOKED {
            self.connected = self.backend_state().as_deref() == Some("4");
        }
        let kind = if self.connected { self.choose(&INSIDE) } else { self.choose(&OUTSIDE) };
        self.tally.count(kind);
        self.act_as(kind, time);
        match self.random.below(8) {
            0..4 => {}
            4..7 => time.rest(Duration::from_micros(self.random.below(5000).into())),
            _ => time.rest(Duration::from_millis(self.random.below(50).into())),
        }
    }

    /// By chance, but nothing is left out for long.
    fn choose(&mut self, among: &[Kind]) -> Kind {
        let chosen = self.random.pick(among);
        let rarest = among.iter().min_by_key(|kind| self.tally.of(**kind));
        if self.random.once_in(3) { rarest.copied().unwrap_or(chosen) } else { chosen }
    }

    /// The last thing: the device is left closed, without its nodes, or without its page.
    pub fn leave(&mut self) {
        match self.random.below(3) {
            0 => drop(self.store.remove(FRONTEND)),
            1 => self.set("state", "6"),
            _ => self.take_page_away(),
        }
    }

    fn act_as<T: Rest>(&mut self, kind: Kind, time: &mut T) {
        match kind {
            Kind::Open => self.open(time),
            Kind::Command => self.command(time),
            Kind::Race => self.race(time),
            Kind::Packet => self.packet(),
            Kind::Header => self.header(),
            Kind::Extra => self.extra(),
            Kind::Flood => self.flood(),
            Kind::Storm => self.storm(),
            Kind::Revoke => self.take_page_away(),
            Kind::WrongPage => self.wrong_page(),
            Kind::WrongPort => self.wrong_port(),
            Kind::Node => self.node(),
            Kind::Path => self.path(),
            Kind::Reach => self.reach(),
        }
        if matches!(kind, Kind::Storm | Kind::WrongPage | Kind::WrongPort) {
            self.connected = false;
        }
    }

    /// As a well-behaved frontend does it: a backend that has turned it away takes notice of a closed
    /// frontend only.
    fn open<T: Rest>(&mut self, time: &mut T) {
        self.link = None;
        let closed = self.random.pick(&["1", "6"]);
        self.set("state", closed);
        self.wait_for("2", time);
        if self.publish() && self.wait_for("4", time) {
            self.connected = true;
            self.tally.connected += 1;
        }
    }

    /// Waits for a state of the backend's; whether it came.
    fn wait_for<T: Rest>(&mut self, state: &str, time: &mut T) -> bool {
        let end = time.now() + PATIENCE;
        while time.now() < end {
            if self.backend_state().as_deref() == Some(state) {
                return true;
            }
            time.rest(LOOK_AGAIN);
        }
        false
    }

    fn backend_state(&mut self) -> Option<String> {
        self.unlooked = 0;
        self.store.read(&alloc::format!("{}/state", self.backend_dir())).ok()
    }

    /// The backend's end of its device.
    pub(crate) fn backend_dir(&self) -> String {
        let Target { own, backend, .. } = self.target;
        alloc::format!("/local/domain/{backend}/backend/vtpm/{own}/0")
    }
}
