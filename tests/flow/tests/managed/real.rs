//! With the real manager: both disks, both ends of the page, everything but the hardware.

use super::{define, read, write};
use domain_io::test_utils::TracedDisk;
use flow_tests::{Guest, Machine, StoreDisk};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

fn blank(mebibytes: usize) -> TracedDisk {
    TracedDisk::new(vec![0; mebibytes << 20])
}

fn store() -> StoreDisk {
    Rc::new(RefCell::new(blank(4)))
}

#[test]
fn what_a_guest_wrote_is_there_after_everything_was_started_again() {
    let (store, mut disk) = (store(), blank(2));
    for boot in 0..4 {
        let mut machine = Machine::real(disk, &store);
        let mut chain = machine.start("tpm2").unwrap();
        let mut guest = Guest::boot(&mut chain, 1);
        if boot == 0 {
            define(&mut chain, &mut guest);
        } else {
            assert_eq!(read(&mut chain, &mut guest), Some(boot));
        }
        write(&mut chain, &mut guest, boot + 1);
        if boot % 2 == 0 {
            guest.destroy(&mut chain);
            chain.stop();
        } else {
            chain.kill();
        }
        disk = machine.disk().restarted();
    }
}

#[test]
fn a_manager_killed_and_started_under_a_running_guest_is_the_same_to_it() {
    let store = store();
    let mut machine = Machine::real(blank(2), &store);
    let mut chain = machine.start("tpm2").unwrap();
    let mut guest = Guest::boot(&mut chain, 1);
    define(&mut chain, &mut guest);
    for value in 0..5 {
        machine.manager.borrow_mut().kill();
        write(&mut chain, &mut guest, value);
        chain.run(Duration::from_secs(3));
    }
    machine.manager.borrow_mut().kill();
    machine.manager.borrow_mut().replace_store(self::store());
    let packet = flow_tests::packets::nv::write(super::INDEX, &[9; 8]);
    assert!(guest.driver.send(&packet));
    let why = (0..2).find_map(|_| chain.try_turn().err()).expect("another manager is refused");
    assert!(why.to_string().contains("attach the right one"), "{why}");
}
