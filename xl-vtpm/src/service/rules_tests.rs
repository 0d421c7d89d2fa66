//! The rules, on looks that are made up.

use super::*;
use crate::ours::Note;
use libxl_vtpm::watch::{Seen, View};

const GRACE: Duration = Duration::from_secs(30);

/// Domain 1 is the manager, 2 a vTPM of ours for g, 3 its guest.
fn look(now: Instant) -> Look {
    let seen = |domid: u32, name: &str| {
        let uuid = [u8::try_from(domid).unwrap(); 16];
        (domid, Seen { uuid, name: name.into(), ended: false, says: None })
    };
    let domains = View::from([seen(0, "Domain-0"), seen(1, "m"), seen(2, "v"), seen(3, "g")]);
    let note = Note { domid: 2, role: Role::Vtpm, guest: Some("g".into()) };
    Look {
        now,
        domains,
        wires: vec![wire(2, 1), wire(3, 2)],
        notes: vec![note],
        residents: BTreeSet::new(),
        is_rewiring: false,
    }
}

fn wire(frontend: u32, backend: u32) -> Wire {
    Wire { frontend, devid: 0, backend, uuid: "u".into() }
}

fn without(mut look: Look, gone: &[u32]) -> Look {
    look.domains.retain(|domid, _| !gone.contains(domid));
    look.wires.retain(|wire| !gone.contains(&wire.frontend));
    look.notes.retain(|note| !gone.contains(&note.domid));
    look
}

fn end(acts: &[Act]) -> bool {
    matches!(acts, [Act::End { domid: 2, .. }])
}

#[test]
fn a_vtpm_in_use_is_left_alone() {
    let now = Instant::now();
    let mut memory = Memory::default();
    assert_eq!(memory.decide(&look(now), GRACE, "m"), []);
    assert_eq!(memory.decide(&look(now + 10 * GRACE), GRACE, "m"), []);
}

#[test]
fn a_vtpm_ends_when_its_guest_has_been_gone_for_the_grace_time() {
    let now = Instant::now();
    let mut memory = Memory::default();
    assert_eq!(memory.decide(&without(look(now), &[3]), GRACE, "m"), []);
    assert_eq!(memory.rest(now, GRACE), GRACE);
    assert_eq!(memory.decide(&without(look(now + GRACE / 2), &[3]), GRACE, "m"), []);
    assert!(end(&memory.decide(&without(look(now + GRACE), &[3]), GRACE, "m")));
}

#[test]
fn a_guest_that_comes_back_stops_the_clock_even_before_it_is_wired() {
    let now = Instant::now();
    let mut memory = Memory::default();
    memory.decide(&without(look(now), &[3]), GRACE, "m");
    let mut back = look(now + GRACE);
    back.wires.retain(|wire| wire.frontend != 3);
    assert_eq!(memory.decide(&back, GRACE, "m"), []);
    let again = without(look(now + GRACE), &[3]);
    assert_eq!(memory.decide(&again, GRACE, "m"), [], "it starts anew");
}

#[test]
fn a_renamed_guest_is_still_the_guest() {
    let now = Instant::now();
    let mut renamed = look(now);
    renamed.domains.get_mut(&3).unwrap().name = "h".into();
    let mut memory = Memory::default();
    assert_eq!(memory.decide(&renamed, GRACE, "m"), []);
    // It reboots under its new name.
    let mut back = look(now + GRACE);
    back.wires.pop();
    back.domains.get_mut(&3).unwrap().name = "h".into();
    memory.decide(&without(look(now), &[3]), GRACE, "m");
    assert_eq!(memory.decide(&back, GRACE, "m"), []);
}

#[test]
fn a_resident_vtpm_and_one_of_somebody_else_stay() {
    let now = Instant::now();
    let (mut resident, mut others) = (without(look(now), &[3]), without(look(now), &[3]));
    resident.residents.insert("v".into());
    others.notes.clear();
    for mut look in [resident, others] {
        let mut memory = Memory::default();
        assert_eq!(memory.decide(&look, GRACE, "m"), []);
        look.now += 10 * GRACE;
        assert_eq!(memory.decide(&look, GRACE, "m"), []);
    }
}

#[test]
fn an_ended_domain_of_ours_is_taken_away_when_nobody_else_does() {
    let now = Instant::now();
    let mut ended = look(now);
    ended.domains.get_mut(&2).unwrap().ended = true;
    let mut memory = Memory::default();
    assert_eq!(memory.decide(&ended, GRACE, "m"), []);
    ended.now += TO_BE_REAPED;
    assert_eq!(memory.decide(&ended, GRACE, "m"), [Act::Reap { domid: 2, name: "v".into() }]);
    ended.notes.clear();
    assert_eq!(memory.decide(&ended, GRACE, "m"), [], "of others none");
}

#[test]
fn a_restarted_manager_is_wired_once_and_after_a_failure_again() {
    let now = Instant::now();
    let mut memory = Memory::default();
    let gone = without(look(now), &[1]);
    assert_eq!(memory.decide(&gone, GRACE, "m"), [], "there is none yet");
    let mut back = without(look(now), &[1]);
    let manager = Seen { uuid: [7; 16], name: "m".into(), ended: false, says: None };
    back.domains.insert(7, manager);
    let rewire = [Act::Rewire([wire(2, 1)].into())];
    assert_eq!(memory.decide(&back, GRACE, "m"), rewire);
    assert_eq!(memory.decide(&back, GRACE, "m"), []);
    memory.rewire_again(now);
    back.now += AGAIN / 2;
    assert_eq!(memory.decide(&back, GRACE, "m"), []);
    back.now += AGAIN;
    assert_eq!(memory.decide(&back, GRACE, "m"), rewire);
}

#[test]
fn a_rewiring_that_was_cut_short_goes_on_and_one_that_runs_is_left_alone() {
    let now = Instant::now();
    let mut memory = Memory::default();
    let mut between = look(now);
    between.wires.retain(|wire| wire.frontend != 2);
    between.is_rewiring = true;
    let rewire = [Act::Rewire(BTreeSet::new())];
    assert_eq!(memory.decide(&between, GRACE, "m"), rewire);
    assert_eq!(memory.decide(&between, GRACE, "m"), []);
    memory.rewire_again(now);
    between.now += AGAIN;
    assert_eq!(memory.decide(&between, GRACE, "m"), rewire);
    assert_eq!(memory.decide(&look(now + AGAIN), GRACE, "m"), []);
    assert_eq!(memory.decide(&between, GRACE, "m"), rewire, "a second one is not the first");
}

#[test]
fn a_guest_whose_vtpm_is_gone_is_an_orphan_and_no_work_for_the_manager() {
    let now = Instant::now();
    let mut memory = Memory::default();
    let gone = without(look(now), &[2]);
    assert_eq!(memory.decide(&gone, GRACE, "m"), [Act::Orphan(wire(3, 2))]);
    let both = without(look(now), &[2, 3]);
    assert_eq!(memory.decide(&both, GRACE, "m"), []);
}
