//! vTPM domains that do their worst, and what their neighbours notice of it.
//!
//! A neighbour's wait is counted in what the manager does meanwhile: its turns, the commands it
//! executes for others, its requests to xenstored.

use crate::rig::{Rig, Vtpm, body, disk, parts, uuid};
use domain_io::test_utils::{FakeEntropy, World};
use domain_io::{DomainId, Entropy, NoEntropy};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::manager::Request;
use tpm_wire::{Header, PacketBuilder, Tag};
use tpmif::nodes::DeviceId;
use tpmif::peers::{RawFrontend, Waiting};
use vtpm_manager::{Parts, WithoutHardware};

/// Every ordinal that has a meaning to somebody, and neighbours that have none.
const ORDINALS: [(u16, u32); 28] = [
    (0x01C1, 0),
    (0x01C1, 1),
    (0x01C1, 2),
    (0x01C1, 3),
    (0x01C1, 4),
    (0x01C1, 5),
    (0x01C1, 0x0001_0001),
    (0x01C1, 0x0001_0002),
    (0x01C1, 0x0001_0101),
    (0x01C1, 0x0001_0102),
    (0x01C1, 0x0001_0103),
    (0x01C1, 0x0001_0104),
    (0x01C1, 0x0001_0105),
    (0x01C1, 0x0001_0106),
    (0x01C1, 0x0001_0107),
    (0x01C1, 0x0001_0108),
    (0x01C1, 0x0001_0109),
    (0x01C1, u32::MAX),
    (0x01C2, 0x0200_0101),
    (0x01C2, 0x0001_0105),
    (0x00C1, 0x46),
    (0x00C1, 0x15),
    (0x00C1, 0x65),
    (0x00C1, 0x14),
    (0x8001, 0x17B),
    (0x8001, 0x17E),
    (0x8002, 0x131),
    (0xFFFF, 1),
];

/// A vTPM domain without manners, attached with the uuid of its number and open.
fn raw(rig: &mut Rig, number: u16) -> RawFrontend {
    let id = DeviceId { frontend: DomainId(number), device: 0 };
    rig.world.add_domain(id.frontend);
    assert_eq!(rig.attach(id, uuid(number)), Waiting::Reached);
    let mut front = RawFrontend::new(&rig.world, rig.id, id);
    front.publish_ring();
    front.set("feature-protocol-v2", "1");
    open(rig, &mut front);
    front
}

/// Opens a device and waits until the manager has it connected.
fn open(rig: &mut Rig, front: &mut RawFrontend) {
    front.set("state", "4");
    for _ in 0..100 {
        if front.backend_state() == "4" {
            return;
        }
        rig.tick(Duration::from_millis(100));
    }
    panic!("{} does not connect", front.id);
}

fn packet(tag: u16, ordinal: u32, length: u16) -> Vec<u8> {
    PacketBuilder::new(Tag(tag), ordinal).bytes(&vec![1; usize::from(length) - 10]).finish()
}

/// What a good neighbour sees while others do something: whether it is served in one turn.
fn neighbour_is_served(rig: &mut Rig, good: &mut Vtpm, save: u16, what: &str) {
    good.submit(&Request::Save(&body(good.id.frontend.0, save)).packet());
    rig.turn();
    let answer = good.answer().unwrap_or_else(|| panic!("{what}: no answer in one turn"));
    assert_eq!(parts(&answer).0, 0, "{what}");
}

#[test]
fn every_ordinal_with_every_length_is_answered_and_the_neighbour_is_served_in_the_same_turn() {
    let mut rig = Rig::start(&disk());
    let mut good = Vtpm::connect(&mut rig, 1);
    let bad = raw(&mut rig, 2);
    for (tag, ordinal) in ORDINALS {
        for length in 10..=4088 {
            bad.submit(&packet(tag, ordinal, length));
            if length % 512 == 10 {
                neighbour_is_served(&mut rig, &mut good, length, "lengths");
            } else {
                rig.turn();
            }
            assert_eq!(bad.page_state(), 2, "{tag:#x} {ordinal:#x} {length}");
            let answer = bad.answer();
            assert!(
                Header::parse(&answer).is_ok(),
                "{tag:#x} {ordinal:#x} {length}: {answer:02x?}"
            );
        }
    }
}

/// Lengths that cannot be and size fields that disagree: connections end one after the other.
#[test]
fn wrong_lengths_and_size_fields_end_connections_and_the_neighbour_is_served_in_the_same_turn() {
    let mut rig = Rig::start(&disk());
    let mut good = Vtpm::connect(&mut rig, 1);
    let mut bad = raw(&mut rig, 2);
    let lengths = [0, 6, 7, 8, 9].into_iter().chain([4089, 4096, 65_536, u32::MAX - 7, u32::MAX]);
    let wrong_lengths = lengths.map(|length| (length, 10));
    let wrong_sizes = [0, 9, 11, 4088, 4089, u32::MAX].map(|size| (10, size));
    for (save, (length, size)) in (1..).zip(wrong_lengths.chain(wrong_sizes)) {
        let mut lie = packet(0x01C1, 2, 10);
        lie[2..6].copy_from_slice(&u32::to_be_bytes(size));
        bad.page().poke(8, &lie);
        bad.page().poke(0, &u32::to_le_bytes(length));
        bad.page().poke(4, &[1]);
        bad.notify();
        neighbour_is_served(&mut rig, &mut good, save, &format!("length {length}, size {size}"));
        assert_eq!(bad.backend_state(), "6", "length {length}, size {size}");
        bad.page().poke(4, &[0]);
        bad.set("state", "6");
        rig.tick(Duration::from_millis(1000));
        open(&mut rig, &mut bad);
    }
    bad.submit(&packet(0x01C1, 3, 10));
    rig.turn();
    assert_eq!(parts(&bad.answer()).0, 0, "who behaves again is served again");
}

#[test]
fn a_uuid_that_is_none_or_another_s_is_refused_and_its_owner_goes_on() {
    let mut rig = Rig::start(&disk());
    let mut good = Vtpm::connect(&mut rig, 1);
    neighbour_is_served(&mut rig, &mut good, 1, "before");
    for (number, uuid) in (2..).zip([uuid(1), tpmif::Uuid([0; 16])]) {
        for device in 0..4 {
            let id = DeviceId { frontend: DomainId(number), device };
            rig.world.add_domain(id.frontend);
            assert_eq!(rig.attach(id, uuid), Waiting::TimedOut);
            let mut front = RawFrontend::new(&rig.world, rig.id, id);
            front.publish_ring();
            front.set("feature-protocol-v2", "1");
            front.set("state", "4");
            rig.tick(Duration::from_secs(1));
            front.submit(&Request::Load.packet());
            rig.tick(Duration::from_secs(1));
            let (status, answer) = parts(&front.answer());
            assert!(status == 9 && answer.is_empty(), "{status} {answer:02x?}");
        }
    }
    assert_eq!(good.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
}

/// What one round of an attack is.
type Attack = fn(&mut RawFrontend, round: u16);

/// Closes, opens and changes its page's place without end.
fn storm(front: &mut RawFrontend, round: u16) {
    for step in 0..20 {
        front.set("state", ["6", "1", "3", "4", "5"][usize::from(round + step) % 5]);
        front.set("ring-ref", if step.is_multiple_of(2) { "8" } else { "junk" });
    }
}

/// Has a new command ready whenever there is an answer, which it never looks at.
fn flood(front: &mut RawFrontend, round: u16) {
    let random = PacketBuilder::new(Tag::RQU_COMMAND, 0x46).u32(u32::MAX).finish();
    let save = Request::Save(&body(front.id.frontend.0, round)).packet();
    if front.has_ring() {
        front.submit(if round.is_multiple_of(2) { &random } else { &save });
    }
}

/// Notifies without end, and overwrites its command while it is being executed.
fn rage(front: &mut RawFrontend, round: u16) {
    for step in 0..20 {
        let [_, low] = (round + step).to_be_bytes();
        front.page().poke(usize::from(round * 7 + step) % 4096, &[low]);
        front.page().poke(4, &[low % 5]);
        front.notify();
    }
}

/// One save after the other, each when the last one is answered: a good vTPM with much to do.
fn busy(front: &mut RawFrontend, round: u16) {
    if front.page_state() != 1 {
        front.submit(&Request::Save(&body(front.id.frontend.0, round)).packet());
    }
}

/// The most that the manager did while the neighbour waited.
#[derive(Debug, Default)]
struct Wait {
    turns: usize,
    /// Answers to others.
    answers: usize,
    /// Requests to xenstored in one turn.
    requests: usize,
}

fn under(attack: Attack, attackers: u16) -> Wait {
    let mut rig = Rig::start(&disk());
    let mut good = Vtpm::connect(&mut rig, 500);
    let mut bad: Vec<_> = (1..=attackers).map(|number| raw(&mut rig, number)).collect();
    let mut longest = Wait::default();
    for round in 0..200 {
        for front in &mut bad {
            attack(front, round);
            let _ = front.was_notified();
        }
        good.submit(&Request::Save(&body(500, round)).packet());
        let mut answers = 0;
        let waited = (1..=20).find(|_| {
            let before = rig.requests();
            rig.tick(Duration::from_millis(1));
            longest.requests = longest.requests.max(rig.requests() - before);
            answers += bad.iter().filter(|front| front.was_notified()).count();
            good.answer().is_some()
        });
        let waited = waited.unwrap_or_else(|| panic!("round {round}: no answer in twenty turns"));
        longest.turns = longest.turns.max(waited);
        longest.answers = longest.answers.max(answers);
    }
    longest
}

#[test]
fn a_neighbour_of_sixty_attackers_waits_no_longer_than_one_of_sixty_good_vtpms() {
    let good = under(busy, 60);
    println!("sixty good ones: {good:?}");
    let attacks: [(&str, Attack); 3] = [("storm", storm), ("flood", flood), ("rage", rage)];
    for (name, attack) in attacks {
        let longest = under(attack, 60);
        println!("{name}: {longest:?}");
        assert!(longest.answers <= 60, "{name}: one command of each other, {longest:?}");
        assert!(longest.turns <= 60 / 16 + 1, "{name}: sixteen commands a turn, {longest:?}");
        assert!(longest.requests <= 600, "{name}: {longest:?}");
        assert!(longest.answers <= good.answers, "{name}: {longest:?}, {good:?}");
    }
}

/// The command of somebody who wants random bytes.
fn random() -> Vec<u8> {
    PacketBuilder::new(Tag::RQU_COMMAND, 0x46).u32(32).finish()
}

/// Random bytes that take their time, and two attackers on other processors who use it: while one's
/// command is being executed the other puts its next one into its page.
struct Slow {
    random: FakeEntropy,
    attackers: Rc<RefCell<Vec<RawFrontend>>>,
    calls: Rc<Cell<usize>>,
}

impl Entropy for Slow {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), NoEntropy> {
        self.calls.set(self.calls.get() + 1);
        for front in &*self.attackers.borrow() {
            if front.page_state() != 1 {
                front.submit(&random());
            }
        }
        self.random.fill(into)
    }
}

#[test]
fn a_save_waits_for_one_command_of_somebody_who_always_has_the_next_one() {
    let (attackers, calls) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(0)));
    let shared = (Rc::clone(&attackers), Rc::clone(&calls));
    let entropy = Slow { random: FakeEntropy::new(1), attackers: shared.0, calls: shared.1 };
    let of = Parts {
        disk: disk(),
        keeper: Box::new(WithoutHardware) as _,
        hardware: None,
        entropy: Box::new(entropy),
        now: Duration::ZERO,
    };
    let made = Rig::of_parts(&World::new(), DomainId(900), of, "hwtpm=none");
    let mut rig = made.unwrap_or_else(|why| panic!("{why}"));
    let mut good = Vtpm::connect(&mut rig, 1);
    neighbour_is_served(&mut rig, &mut good, 1, "its first save");
    let before = calls.get();
    neighbour_is_served(&mut rig, &mut good, 2, "alone");
    let of_a_save = calls.get() - before;
    for number in [2, 3] {
        let bad = raw(&mut rig, number);
        bad.submit(&random());
        attackers.borrow_mut().push(bad);
    }
    for round in 3..50 {
        let before = calls.get();
        good.submit(&Request::Save(&body(1, round)).packet());
        let answer = (0..2).find_map(|_| {
            rig.turn();
            good.answer()
        });
        assert_eq!(parts(&answer.expect("an answer in two turns")).0, 0);
        let of_others = calls.get() - before - of_a_save;
        assert!((1..=5).contains(&of_others), "{of_others} commands of two others");
    }
}
