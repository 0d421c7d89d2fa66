//! A machine that lives on disks and a counter whose steps are taken down.

use super::changes::User;
use super::order::{Order, Phase, Place};
use domain_io::test_utils::TracedDisk;
use flow_tests::{Board, Chain, Count, Death, Guest, HardwareCounter, Machine, Managed};
use std::cell::RefCell;
use std::rc::Rc;
use tpm_wire::TpmVersion;
use vtpm_manager::{OldStore, OpenError};

/// A vTPM of one version on a machine with one kind of hardware TPM, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) vtpm: TpmVersion,
    pub(super) hardware: Option<TpmVersion>,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = {
        let [new, old] = [TpmVersion::Tpm20, TpmVersion::Tpm12];
        [
            Self { vtpm: new, hardware: Some(new) },
            Self { vtpm: old, hardware: Some(new) },
            Self { vtpm: new, hardware: None },
            Self { vtpm: old, hardware: None },
            Self { vtpm: new, hardware: Some(old) },
            Self { vtpm: old, hardware: Some(old) },
        ]
    };

    const fn line(self) -> &'static str {
        match self.vtpm {
            TpmVersion::Tpm20 => "tpm2",
            TpmVersion::Tpm12 => "loglevel=info",
        }
    }

    /// How the manager dies during the change of this number.
    pub(super) fn death(self, number: u64) -> Option<Death> {
        match number % 6 {
            1 => Some(Death::BeforeCommit),
            3 => Some(Death::AfterCommit),
            // Only in strict mode does each commit have an increment.
            4 if self.hardware == Some(TpmVersion::Tpm20) => Some(Death::AfterIncrement),
            _ => None,
        }
    }
}

/// Everything that outlives the power.
pub(super) struct Lasting {
    kind: Kind,
    disk: Rc<RefCell<TracedDisk>>,
    store: Rc<RefCell<TracedDisk>>,
    counter: Option<HardwareCounter>,
    order: Rc<RefCell<Order>>,
}

/// What was taken down of one or more lives on the same disks.
pub(super) struct Lived {
    pub(super) kind: Kind,
    pub(super) disk: TracedDisk,
    pub(super) store: TracedDisk,
    pub(super) places: Vec<Place>,
}

impl Lasting {
    /// Begins with these disks at this place of an earlier life.
    pub(super) fn new(kind: Kind, disk: TracedDisk, store: TracedDisk, at: Place) -> Self {
        let order = Rc::new(RefCell::new(Order::begin(&disk, &store, at)));
        let counter = kind.hardware.map(|version| {
            let counter = HardwareCounter::new(version, at.count);
            let noted = Rc::clone(&order);
            counter.around_each_step(move |count| {
                noted.borrow_mut().note(|place| place.count = count);
            });
            counter
        });
        let (disk, store) = (Rc::new(RefCell::new(disk)), Rc::new(RefCell::new(store)));
        Self { kind, disk, store, counter, order }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Place)) {
        self.order.borrow_mut().note(change);
    }

    /// Switches the machine on, with these words for its manager.
    fn switch_on(&self, words: &str) -> Result<Machine, OpenError> {
        let (counter, words) = (self.counter.clone(), words.to_owned());
        let boards = move |_: &_| match &counter {
            Some(counter) => counter.board(&words),
            None => Board::bare(),
        };
        let machine = Machine::with_boards(self.disk.clone(), self.store.clone(), Rc::new(boards))?;
        let noted = Rc::clone(&self.order);
        machine.after_each_step(move || noted.borrow_mut().note(|_| ()));
        Ok(machine)
    }

    /// The same, as an administrator does who reads the message and follows it; whether there was one.
    ///
    /// Only where the first start was cut between the counter and the store's first commit with it may
    /// a start stop (docs/decisions/0162).
    fn switch_on_as_told(&self) -> (Machine, bool) {
        let why = match self.switch_on("") {
            Ok(machine) => return (machine, false),
            Err(why) => why,
        };
        let at = *self.order.borrow().places.last().expect("a place");
        let cut_short = at.phase == Phase::FirstStart && matches!(at.count, Count::Says { .. });
        assert!(cut_short && matches!(why, OpenError::Old(_)), "{at:?}: {why}");
        assert!(!matches!(why, OpenError::Old(OldStore::Jumped { .. })), "{why}");
        let text = why.to_string();
        let word = text.split_whitespace().find(|word| word.starts_with("accept="));
        let word = word.unwrap_or_else(|| panic!("{at:?}: no word in: {text}"));
        let machine = self.switch_on(word.trim_end_matches(':'));
        (machine.unwrap_or_else(|why| panic!("{at:?}: {why}")), true)
    }

    /// The vTPM and its guest start on a machine that was switched on.
    fn boot(&self, machine: &mut Machine) -> (Chain<Managed>, Guest) {
        self.note(|place| place.phase = Phase::Start);
        let started = machine.start(self.kind.line());
        let place = *self.order.borrow().places.last().expect("a place");
        let mut chain = started.unwrap_or_else(|why| panic!("{place:?}: {why:?}"));
        let guest = Guest::boot(&mut chain, 1);
        (chain, guest)
    }

    /// Changes the next number, and takes down what the guest knows of it.
    fn change(&self, user: &mut User<'_>, number: u64) {
        self.note(|place| (place.phase, place.wanted) = (Phase::Work, Some(number)));
        user.change(number);
        self.note(|place| place.acknowledged = Some(number));
    }

    pub(super) fn end(self) -> Lived {
        self.note(|_| ());
        let Self { kind, disk, store, order, .. } = self;
        let places = order.borrow_mut().places.split_off(0);
        let (disk, store) = (disk.borrow().clone(), store.borrow().clone());
        Lived { kind, disk, store, places }
    }
}

fn user<'a>(
    kind: Kind,
    machine: &Machine,
    (chain, guest): (&'a mut Chain<Managed>, &'a mut Guest),
) -> User<'a> {
    User { version: kind.vtpm, chain, guest, clock: machine.world.clock() }
}

/// A first start on blank disks, some changes during which the manager dies every now and then, a
/// restart of all domains, and as many changes again.
pub(super) fn live(kind: Kind, changes: u64) -> Lived {
    let (disk, store) = Machine::blank_disks();
    let lasting = Lasting::new(kind, disk, store, Place::default());
    for boot in [0, 1] {
        let (mut machine, _) = lasting.switch_on_as_told();
        let (mut chain, mut guest) = lasting.boot(&mut machine);
        let mut user = user(kind, &machine, (&mut chain, &mut guest));
        if boot == 0 {
            let begins = (kind.vtpm == TpmVersion::Tpm12).then_some(0);
            lasting.note(|place| (place.phase, place.wanted) = (Phase::Work, begins));
            user.begin();
            lasting.note(|place| place.acknowledged = begins);
        }
        for number in boot * changes + 1..=(boot + 1) * changes {
            if let Some(death) = kind.death(number) {
                machine.manager.borrow().dies(death);
            }
            lasting.change(&mut user, number);
        }
        if boot == 0 {
            chain.kill();
        } else {
            guest.destroy(&mut chain);
            chain.stop();
        }
    }
    lasting.end()
}

/// Everything is started again after a cut at this place. Nothing that was acknowledged may be lost, and
/// the next change must be kept. What was taken down, and whether the start stopped with a word at first.
pub(super) fn restart(
    kind: Kind,
    disk: &TracedDisk,
    store: &TracedDisk,
    cut: &Place,
) -> (Lived, bool) {
    let phase = cut.phase.min(Phase::Start);
    let lasting = Lasting::new(kind, disk.restarted(), store.restarted(), Place { phase, ..*cut });
    let (mut machine, was_told) = lasting.switch_on_as_told();
    let (mut chain, mut guest) = lasting.boot(&mut machine);
    let mut user = user(kind, &machine, (&mut chain, &mut guest));
    let found = user.found();
    let possible = cut.acknowledged <= found && found <= cut.wanted;
    assert!(possible, "{kind:?}, cut at {cut:?}: {found:?}");
    if let Some(number) = found {
        lasting.note(|place| (place.acknowledged, place.wanted) = (found, found));
        lasting.change(&mut user, number + 1);
        assert_eq!(user.found(), Some(number + 1), "{kind:?}, cut at {cut:?}");
    }
    chain.kill();
    (lasting.end(), was_told)
}
