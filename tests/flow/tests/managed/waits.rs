//! What is noticed at once while a save waits for a manager that is away.

use super::{define, read, write};
use flow_tests::packets::nv;
use flow_tests::{Chain, Guest, Machine, Managed};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tpm_wire::tpm20::{HashAlgorithm, pcr_digest, pcr_extend, pcr_read};
use tpmif::peers::{Libxl, Waiting, Waits};
use vtpm_keeper::Meanwhile;

/// A guest of a vTPM whose manager has just died and stays away for this long.
fn deserted(away: Duration) -> (Machine, Chain<Managed>, Guest) {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    write(&mut chain, &mut guest, 1);
    machine.manager.borrow_mut().restart_after = away;
    machine.manager.borrow_mut().kill();
    (machine, chain, guest)
}

/// Why the vTPM cannot go on.
fn end_of(chain: &mut Chain<Managed>) -> String {
    (0..2).find_map(|_| chain.try_turn().err()).expect("the vTPM does not go on").to_string()
}

#[test]
fn a_detach_does_not_wait_for_the_manager_and_the_save_is_kept_all_the_same() {
    let (machine, mut chain, mut guest) = deserted(Duration::from_secs(30));
    let pcr = pcr_read(HashAlgorithm::SHA256, 8);
    guest.succeed(&mut chain, &pcr_extend(8, &[(HashAlgorithm::SHA256, vec![0xAB; 32])]));
    let measured = guest.succeed(&mut chain, &pcr);
    let (id, start) = (guest.id, chain.now());
    let mut libxl = Libxl::new(&machine.world);
    let (clock, outcome) = (machine.world.clock(), Rc::new(RefCell::new(None)));
    let (noted, mut wait) = (Rc::clone(&outcome), None::<Waits>);
    machine.while_waiting(move || {
        use domain_io::Clock;
        let waited = clock.now() - start;
        if waited >= Duration::from_secs(2) && noted.borrow().is_none() {
            let wait = wait.get_or_insert_with(|| libxl.detach(flow_tests::VTPM, id));
            let how = wait.poll();
            if how != Waiting::Still {
                *noted.borrow_mut() = Some((how, waited));
            }
        }
        Meanwhile::GoOn
    });
    assert!(guest.driver.send(&nv::write(super::INDEX, &7_u64.to_be_bytes())));
    chain.turn();
    let (how, after) = outcome.borrow_mut().take().expect("the device was detached meanwhile");
    assert_eq!(how, Waiting::Reached);
    // Two seconds until it is asked for, and four that a frontend is given which does not close, as here.
    assert!(after < Duration::from_millis(6500), "closed after {after:?}");
    assert!(chain.now() - start >= Duration::from_secs(30), "the save waited on");
    let mut removed = chain.libxl.wait_for_removal(flow_tests::VTPM, id);
    assert_eq!(chain.until(&mut removed).0, Waiting::Reached);
    chain.libxl.finish_removal(id);
    let mut guest = Guest::boot(&mut chain, 1);
    assert_eq!(read(&mut chain, &mut guest), Some(7));
    let now = guest.succeed(&mut chain, &pcr);
    assert_eq!(pcr_digest(&now), pcr_digest(&measured), "the same guest finds its PCRs");
}

#[test]
fn a_shutdown_does_not_wait_for_the_manager_and_the_next_start_goes_on_from_what_was_kept() {
    let (mut machine, mut chain, mut guest) = deserted(Duration::from_secs(60));
    let (start, clock) = (chain.now(), machine.world.clock());
    machine.while_waiting(move || {
        use domain_io::Clock;
        match clock.now() - start >= Duration::from_secs(2) {
            true => Meanwhile::Stop,
            false => Meanwhile::GoOn,
        }
    });
    assert!(guest.driver.send(&nv::write(super::INDEX, &7_u64.to_be_bytes())));
    let why = end_of(&mut chain);
    assert!(why.contains("asked to stop") && why.contains("next start goes on"), "{why}");
    let took = chain.now() - start;
    assert!(took < Duration::from_millis(2100), "{took:?}");
    chain.kill();
    machine.while_waiting(|| Meanwhile::GoOn);
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 2);
    assert_eq!(read(&mut chain, &mut guest), Some(1));
}

#[test]
fn a_shutdown_still_waits_for_a_manager_that_is_there() {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    machine.while_waiting(|| Meanwhile::Stop);
    write(&mut chain, &mut guest, 8);
    chain.kill();
    machine.while_waiting(|| Meanwhile::GoOn);
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 2);
    assert_eq!(read(&mut chain, &mut guest), Some(8));
}

#[test]
fn a_machine_that_stood_still_in_the_middle_of_a_save_costs_no_vtpm() {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    let (clock, mut stood_still) = (machine.world.clock(), false);
    machine.while_waiting(move || {
        if !std::mem::replace(&mut stood_still, true) {
            clock.advance(Duration::from_secs(600));
        }
        Meanwhile::GoOn
    });
    assert!(guest.driver.send(&nv::write(super::INDEX, &8_u64.to_be_bytes())));
    chain.turn();
    machine.while_waiting(|| Meanwhile::GoOn);
    chain.kill();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 2);
    assert_eq!(read(&mut chain, &mut guest), Some(8));
}
