//! The manager's domain dies and comes back under a living guest.

use super::{define, read, write};
use flow_tests::{Chain, Death, Guest, Machine, Managed};
use std::time::Duration;
use tpm_wire::tpm20::{HashAlgorithm, get_random, pcr_digest, pcr_extend, pcr_read};

fn machine() -> (Machine, Chain<Managed>, Guest) {
    let mut machine = Machine::default();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    write(&mut chain, &mut guest, 1);
    (machine, chain, guest)
}

#[test]
fn killed_between_its_commit_and_its_answer_it_loses_nothing() {
    for death in [Death::BeforeCommit, Death::AfterCommit] {
        let (mut machine, mut chain, mut guest) = machine();
        let flushes = machine.written().0;
        for value in 2..6 {
            machine.manager.borrow().dies(death);
            write(&mut chain, &mut guest, value);
            assert_eq!(read(&mut chain, &mut guest), Some(value), "{death:?}");
        }
        assert_eq!(machine.written().0 - flushes, 4, "no slot is written twice");
        chain.kill();
        let mut chain = machine.start("tpm2").unwrap();
        let mut guest = Guest::boot(&mut chain, 2);
        assert_eq!(read(&mut chain, &mut guest), Some(5), "{death:?}");
    }
}

#[test]
fn while_it_is_away_commands_that_change_nothing_are_answered_and_no_pcr_is_lost() {
    let (machine, mut chain, mut guest) = machine();
    let pcr = pcr_read(HashAlgorithm::SHA256, 8);
    guest.succeed(&mut chain, &pcr_extend(8, &[(HashAlgorithm::SHA256, vec![0xAB; 32])]));
    let measured = guest.succeed(&mut chain, &pcr);
    machine.manager.borrow_mut().restart_after = Duration::from_secs(3600);
    machine.manager.borrow_mut().kill();
    let start = chain.now();
    for _ in 0..50 {
        guest.succeed(&mut chain, &get_random(16));
        assert_eq!(read(&mut chain, &mut guest), Some(1));
        let now = guest.succeed(&mut chain, &pcr);
        assert_eq!(pcr_digest(&now), pcr_digest(&measured));
    }
    assert!(chain.now() - start < Duration::from_secs(2), "nobody waited");
}

#[test]
fn one_that_is_back_under_another_device_number_is_found_and_told() {
    let (machine, mut chain, mut guest) = machine();
    for value in 2..5 {
        machine.manager.borrow_mut().kill();
        write(&mut chain, &mut guest, value);
        assert!(machine.manager.borrow().is_alive());
        chain.run(Duration::from_secs(3));
    }
    assert_eq!(read(&mut chain, &mut guest), Some(4));
}

#[test]
fn one_that_stays_away_ends_the_domain_before_the_driver_gives_up_and_nothing_is_lost() {
    let (mut machine, mut chain, mut guest) = machine();
    machine.manager.borrow_mut().restart_after = Duration::from_secs(110);
    machine.manager.borrow_mut().kill();
    assert!(guest.driver.send(&flow_tests::packets::nv::write(super::INDEX, &[9; 8])));
    let start = chain.now();
    let why = (0..2).find_map(|_| chain.try_turn().err()).expect("the vTPM cannot go on");
    assert!(chain.now() - start < Duration::from_secs(120));
    assert!(why.to_string().contains("start the manager"), "{why}");
    chain.kill();
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 2);
    assert_eq!(read(&mut chain, &mut guest), Some(1));
}
