//! The recovery key opens a store on a machine with another hardware TPM, or with none.

use crate::hardware::{domain_0, hardware, policy};
use crate::layer::{Layer, Wire};
use crate::rig::{Disk, Rig, Vtpm, body, disk};
use domain_io::DomainId;
use domain_io::test_utils::World;
use peers::Family;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU16, Ordering};
use tpm_wire::TpmVersion;
use tpm_wire::manager::{Force, PolicyCommand, Request, StatusReport};
use vtpm_custody::Access;
use vtpm_manager::{OpenError, RootKeeper, WithHardware, WithoutHardware};
use vtpm_store::manager::inspect;

static LIVES: AtomicU16 = AtomicU16::new(900);

/// What a machine has as hardware TPM.
type Machine<'a> = Option<(&'a Wire, Family)>;

/// A start of the manager with this disk on this machine.
fn try_start(machine: Machine<'_>, disk: &Disk) -> Result<Rig, OpenError> {
    let world = World::new();
    let id = DomainId(LIVES.fetch_add(1, Ordering::Relaxed));
    let (keeper, hardware, line): (Box<dyn RootKeeper>, _, _) = match machine {
        None => (Box::new(WithoutHardware), None, "hwtpm=none"),
        Some((wire, family)) => {
            let keeper = WithHardware::new(Access::default(), world.clock(), Force::Yes);
            (Box::new(keeper), Some(hardware(&world, family, wire)), "loglevel=info")
        }
    };
    Rig::with(&world, id, disk, keeper, hardware, line)
}

fn start(machine: Machine<'_>, disk: &Disk) -> Rig {
    try_start(machine, disk).unwrap_or_else(|why| panic!("{why}"))
}

fn version(machine: Machine<'_>) -> Option<TpmVersion> {
    machine.map(|(_, family)| match family {
        Family::Tpm20 => TpmVersion::Tpm20,
        Family::Tpm12 => TpmVersion::Tpm12,
    })
}

fn copy(disk: &Disk) -> Disk {
    Rc::new(RefCell::new(disk.borrow().restarted()))
}

fn recovered(rig: &mut Rig, key: &[u8]) -> (u32, String) {
    let mut dom0 = domain_0(rig);
    let command = PolicyCommand::Recover { key, force: Force::Yes };
    let (status, why) = policy(rig, &mut dom0, &command);
    (status, String::from_utf8(why).expect("a sentence"))
}

/// A store on this machine with a vTPM's state in it, and its recovery key.
fn store_with_key(machine: Machine<'_>) -> (Disk, Vec<u8>) {
    let disk = disk();
    let mut rig = start(machine, &disk);
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, 1))).0, 0);
    let mut dom0 = domain_0(&mut rig);
    let wanted = PolicyCommand::NewRecoveryKey { replace: Force::No };
    let (status, key) = policy(&mut rig, &mut dom0, &wanted);
    assert_eq!(status, 0, "{}", String::from_utf8_lossy(&key));
    rig.shutdown();
    (disk, key)
}

/// Takes the disk to another machine: locked, opened by the key, served, and at home there from the
/// next start on.
fn move_to(machine: Machine<'_>, disk: &Disk, key: &[u8], (kept, next): (u16, u16)) {
    let mut rig = start(machine, disk);
    let why = rig.domain.locked().expect("it is sealed to another machine").to_string();
    assert!(why.contains("use the recovery key"), "{why}");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load).0, 0x800, "not unknown");
    let (status, _) = recovered(&mut rig, b"0000");
    assert!(status == 9 && rig.domain.locked().is_some(), "not this key");
    assert_eq!(recovered(&mut rig, key), (0, String::new()));
    assert!(rig.domain.locked().is_none());
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, kept).to_vec()));
    assert_eq!(vtpm.request(&mut rig, Request::Save(&body(1, next))).0, 0);
    rig.shutdown();
    drop((vtpm, rig));

    let head = inspect(&mut *disk.borrow_mut()).expect("a store");
    assert_eq!(head.hardware, version(machine));
    let mut rig = start(machine, disk);
    assert!(rig.domain.locked().is_none(), "it belongs to this machine now");
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, next).to_vec()));
    let report = StatusReport::of_answer(&vtpm.ask(&mut rig, &Request::Status.packet())).unwrap();
    assert_eq!(report.hardware, version(machine));
    rig.shutdown();
}

#[test]
fn the_recovery_key_opens_the_store_of_a_tpm_20_without_any_tpm_and_with_a_new_one() {
    let Some((_swtpm, old)) = Layer::fresh(Family::Tpm20) else { return };
    let Some((_other, new)) = Layer::fresh(Family::Tpm20) else { return };
    let (disk, key) = store_with_key(Some((&old, Family::Tpm20)));
    move_to(None, &disk, &key, (1, 2));
    move_to(Some((&new, Family::Tpm20)), &disk, &key, (2, 3));
}

#[test]
fn the_recovery_key_opens_the_store_of_a_tpm_20_with_a_tpm_12_which_counts_from_then_on() {
    let Some((_swtpm, old)) = Layer::fresh(Family::Tpm20) else { return };
    let Some((_other, new)) = Layer::fresh(Family::Tpm12) else { return };
    let (disk, key) = store_with_key(Some((&old, Family::Tpm20)));
    let before = copy(&disk);
    let machine = Some((&new, Family::Tpm12));
    move_to(machine, &disk, &key, (1, 2));
    let middle = copy(&disk);
    drop(start(machine, &disk));
    match try_start(machine, &middle) {
        Err(OpenError::Old(why)) => assert!(why.to_string().contains("older"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an older copy is served"),
    }
    // The copy from before the move is told from the newest by the counter that is there now.
    let mut rig = start(machine, &before);
    let (status, why) = recovered(&mut rig, &key);
    assert!(status == 9 && why.contains("accept="), "{why}");
    assert!(rig.domain.locked().is_some());
}

#[test]
fn the_recovery_key_opens_the_store_of_a_tpm_12_with_a_tpm_20() {
    let Some((_swtpm, old)) = Layer::fresh(Family::Tpm12) else { return };
    let Some((_other, new)) = Layer::fresh(Family::Tpm20) else { return };
    let (disk, key) = store_with_key(Some((&old, Family::Tpm12)));
    move_to(Some((&new, Family::Tpm20)), &disk, &key, (1, 2));
}

#[test]
fn the_recovery_key_opens_the_store_of_a_tpm_12_with_another_tpm_12() {
    let Some((_swtpm, old)) = Layer::fresh(Family::Tpm12) else { return };
    let Some((_other, new)) = Layer::fresh(Family::Tpm12) else { return };
    let (disk, key) = store_with_key(Some((&old, Family::Tpm12)));
    move_to(Some((&new, Family::Tpm12)), &disk, &key, (1, 2));
}

#[test]
fn a_store_that_began_without_a_tpm_gets_a_recovery_key_and_moves_to_one() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let (disk, key) = store_with_key(None);
    move_to(Some((&wire, Family::Tpm20)), &disk, &key, (1, 2));
}

#[test]
fn without_a_recovery_key_another_kind_of_machine_is_refused() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let disk = disk();
    start(Some((&wire, Family::Tpm20)), &disk).shutdown();
    match try_start(None, &disk) {
        Err(OpenError::Root(why)) => assert!(why.to_string().contains("TPM 2.0"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the store is open"),
    }
}

/// The power goes at every write and flush of a recovery: the next start is open, or locked and opened
/// by the same key.
#[test]
fn a_recovery_that_is_cut_short_is_gone_on_with() {
    let Some((_swtpm, wire)) = Layer::fresh(Family::Tpm20) else { return };
    let (disk, key) = store_with_key(Some((&wire, Family::Tpm20)));
    let disk = copy(&disk);
    let mut rig = start(None, &disk);
    assert_eq!(recovered(&mut rig, &key).0, 0);
    let (mut opened, mut locked) = (0, 0);
    let mut unsealed = None;
    disk.borrow().each_cut(|cut| {
        for all in [false, true] {
            let after: Disk = Rc::new(RefCell::new(cut.disk(|_| all)));
            let mut rig = start(None, &after);
            if rig.domain.locked().is_some() {
                locked += 1;
                let head = inspect(&mut *after.borrow_mut()).expect("a store");
                if head.hardware.is_none() {
                    unsealed = Some(copy(&after));
                }
                assert_eq!(recovered(&mut rig, &key), (0, String::new()), "at {}", cut.place);
            } else {
                opened += 1;
            }
            let mut vtpm = Vtpm::connect(&mut rig, 1);
            assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
        }
    });
    assert!(opened > 0 && locked > 0, "{opened}, {locked}");
    // Where the old TPM still releases the secret, the key takes the store back to it.
    let unsealed = unsealed.expect("the hardware is on record before the secret is kept anew");
    let mut rig = start(Some((&wire, Family::Tpm20)), &unsealed);
    let why = rig.domain.locked().expect("it names other hardware").to_string();
    assert!(why.contains("no hardware TPM") && why.contains("recovery key"), "{why}");
    assert_eq!(recovered(&mut rig, &key), (0, String::new()));
    let mut vtpm = Vtpm::connect(&mut rig, 1);
    assert_eq!(vtpm.request(&mut rig, Request::Load), (0, body(1, 1).to_vec()));
}
