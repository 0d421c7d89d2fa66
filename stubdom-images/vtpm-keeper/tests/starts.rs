//! What a start makes of its disk and its manager.

mod support;

use core::time::Duration;
use domain_io::test_utils::FakeDisk;
use domain_io::{BlockDevice, Clock};
use support::{EK_NAME, EK_PUBLIC, Host, SharedDisk, UUID, blank};
use tpm_wire::TpmVersion::{Tpm12, Tpm20};
use vtpm_keeper::test_utils::{FakeManager, Memory};
use vtpm_keeper::{Stop, random};
use vtpm_service::StateKeeper;
use vtpm_store::Uuid;
use vtpm_store::state_disk::{SlotReport, StateDiskError};

/// `TPM_RC_RETRY`.
const BUSY: u32 = 0x922;
/// `TPM_RC_FAILURE`, by which the manager says, too, that the hardware TPM gave no answer.
const FAILURE: u32 = 0x101;

/// A host whose vTPM was saved with these values, and its disk after each.
fn lived(values: &[u32]) -> (Host, Vec<SharedDisk>) {
    let host = Host::new();
    let disk = blank();
    let mut disks = Vec::new();
    for value in values {
        let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
        engine.set(*value);
        keeper.keep(&mut engine).unwrap();
        disks.push(disk.copy());
    }
    (host, disks)
}

fn stop(host: &Host, disk: impl BlockDevice) -> Stop {
    match host.open(disk) {
        Ok(_) => panic!("it started"),
        Err(stop) => stop,
    }
}

#[test]
fn what_was_kept_last_is_loaded() {
    let (host, disks) = lived(&[1, 2, 3, 4, 5]);
    let (_, engine) = host.start(disks.last().unwrap().clone()).unwrap();
    assert_eq!(engine.value, 5);
}

#[test]
fn an_older_copy_of_the_disk_stops_and_is_named() {
    let (host, disks) = lived(&[1, 2, 3, 4, 5]);
    let Stop::OlderDisk { slots, disk, record, .. } = stop(&host, disks[1].copy()) else {
        panic!("another stop");
    };
    assert!(slots.iter().all(|slot| matches!(slot, SlotReport::Older { .. })), "{slots:?}");
    assert!(
        stop(&host, disks[1].copy())
            .to_string()
            .contains(&format!("generation {disk}, the record says {record}"))
    );
}

#[test]
fn an_older_generation_is_taken_once_when_an_administrator_says_so() {
    let (host, disks) = lived(&[1, 2, 3, 4, 5]);
    let disk = disks[1].copy();
    let Stop::OlderDisk { slots, .. } = stop(&host, disk.clone()) else {
        panic!("another stop");
    };
    let generations = slots.map(|slot| match slot {
        SlotReport::Older { generation } => generation,
        other => panic!("{other:?}"),
    });
    let newest = *generations.iter().max().unwrap();
    host.manager.memory.borrow_mut().accept_once = Some(newest);
    let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
    assert_eq!(engine.value, 2);
    host.manager.memory.borrow_mut().accept_once = None;
    engine.set(9);
    keeper.keep(&mut engine).unwrap();
    drop(keeper);
    let newer = stop(&host, disks[4].copy());
    assert!(matches!(newer, Stop::OlderDisk { .. }), "{newer:?}");
}

/// The manager's disk was put back by an administrator, and the vTPM's is the newest one.
#[test]
fn a_disk_of_a_later_age_than_its_record_stops_and_goes_on_by_its_generation() {
    let (host, disk) = (Host::new(), blank());
    let save = |value| {
        let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
        engine.set(value);
        keeper.keep(&mut engine).unwrap();
    };
    save(1);
    let backup = host.manager.memory.borrow().clone();
    save(2);
    save(3);
    *host.manager.memory.borrow_mut() = backup;
    let why = stop(&host, disk.copy());
    let Stop::OtherAge { disk: generation, record, .. } = why else { panic!("{why:?}") };
    assert!(record < generation);
    let named = format!("accept-older {UUID} {generation} in dom0");
    assert!(why.to_string().contains(&named), "{why}");
    host.manager.memory.borrow_mut().accept_once = Some(generation);
    let (_, engine) = host.start(disk.clone()).unwrap();
    assert_eq!(engine.value, 3);
    host.manager.memory.borrow_mut().accept_once = None;
    let (_, engine) = host.start(disk).unwrap();
    assert_eq!(engine.value, 3);
}

#[test]
fn a_blank_disk_under_a_known_uuid_stops_and_nothing_is_made() {
    let (host, _) = lived(&[1]);
    let disk = blank();
    assert_eq!(stop(&host, disk.clone()), Stop::BlankDisk(UUID));
    assert!(disk.trace().is_empty(), "nothing is written");
    host.manager.memory.borrow_mut().accept_once = Some(1);
    assert_eq!(stop(&host, disk), Stop::BlankDisk(UUID));
}

#[test]
fn another_vtpms_disk_stops() {
    let (mut host, disks) = lived(&[1]);
    let other = Uuid([0x22; 16]);
    host.vtpm.uuid = other;
    let known = host.clone();
    let swapped = Stop::OtherUuid { disk: UUID, wanted: other };
    assert_eq!(stop(&known, disks[0].copy()), swapped);
    host = Host { manager: FakeManager::default(), ..Host::new() };
    host.vtpm.uuid = other;
    assert_eq!(stop(&host, disks[0].copy()), swapped);
}

#[test]
fn state_of_the_other_version_stops() {
    let (mut host, disks) = lived(&[1]);
    host.vtpm.version = Tpm12;
    let expected = Stop::OtherTpmAtManager { manager: Tpm20, wanted: Tpm12 };
    assert_eq!(stop(&host, disks[0].copy()), expected);
    assert_eq!(stop(&host, blank()), expected);
}

#[test]
fn a_manager_that_does_not_know_the_uuid_stops_over_a_used_disk() {
    let (_, disks) = lived(&[1]);
    let stranger = Host::new();
    assert_eq!(stop(&stranger, disks[0].copy()), Stop::UnknownUuid(UUID));
    let fresh = Memory { record: Some(Tpm20), ..Memory::default() };
    let fresh = Host::with(FakeManager::new(fresh));
    assert_eq!(stop(&fresh, disks[0].copy()), Stop::RecordWithoutState(UUID));
}

#[test]
fn damaged_slots_stop_and_never_become_a_blank_tpm() {
    let (host, disks) = lived(&[1, 2]);
    for place in 16..2048 {
        let mut disk = disks[1].copy();
        let mut sector = [0; 512];
        disk.read(place, &mut sector).unwrap();
        if sector == [0; 512] {
            continue;
        }
        sector[100] ^= 1;
        disk.write(place, &sector).unwrap();
        match host.open(disk) {
            Ok(opened) => assert!(opened.image.is_some(), "sector {place}: the older slot was hit"),
            Err(Stop::Disk(StateDiskError::NoSlotMatches(_))) => {}
            Err(other) => panic!("sector {place}: {other:?}"),
        }
    }
}

#[test]
fn a_read_only_disk_stops() {
    assert_eq!(stop(&Host::new(), FakeDisk::new(2048).into_read_only()), Stop::ReadOnly);
}

#[test]
fn explicit_provisioning_waits_for_the_record() {
    let memory = Memory { explicit: true, ..Memory::default() };
    let host = Host::with(FakeManager::new(memory));
    assert_eq!(stop(&host, blank()), Stop::NotProvisioned(UUID));
    host.manager.memory.borrow_mut().record = Some(Tpm20);
    host.start(blank()).map(|_| ()).unwrap();
}

#[test]
fn upstreams_manager_keeps_state_too() {
    let memory = Memory { is_upstreams: true, ..Memory::default() };
    let (host, disk) = (Host::with(FakeManager::new(memory)), blank());
    let (mut keeper, mut engine) = host.start(disk.clone()).unwrap();
    engine.set(4);
    keeper.keep(&mut engine).unwrap();
    drop(keeper);
    assert_eq!(host.start(disk.clone()).unwrap().1.value, 4);
}

#[test]
fn a_start_waits_for_its_manager_for_a_while() {
    let (host, disks) = lived(&[1]);
    host.link.go_down(Duration::from_secs(20));
    host.open(disks[0].copy()).map(|_| ()).unwrap();
    let start = host.clock.now();
    host.link.go_down(Duration::from_secs(3600));
    let why = stop(&host, disks[0].copy()).to_string();
    assert!(why.contains("did not answer"), "{why}");
    assert_eq!(host.clock.now() - start, Duration::from_secs(30));
}

#[test]
fn the_managers_random_bytes_are_there_before_anything_else() {
    let host = Host::new();
    let bytes = random(&mut host.link.clone(), 64, Duration::from_secs(1)).unwrap();
    assert_eq!(bytes[..], [0x5c; 64]);
}

#[test]
fn a_hardware_tpm_that_cannot_give_random_bytes_at_the_moment_is_asked_again() {
    let host = Host::new();
    let ask = || random(&mut host.link.clone(), 64, host.clock.now() + Duration::from_secs(60));
    for passing in [Some(BUSY), Some(FAILURE), None] {
        host.manager.memory.borrow_mut().hardware_refuses.push_back(passing);
        assert_eq!(ask().unwrap()[..], [0x5c; 64], "{passing:x?}");
    }
    host.manager.memory.borrow_mut().hardware_refuses = [Some(FAILURE); 500].into();
    let start = host.clock.now();
    assert!(ask().is_err());
    assert_eq!((host.clock.now() - start).as_secs(), 60);
}

#[test]
fn the_manager_has_a_new_tpm_s_endorsement_key_before_its_first_save_and_is_told_once() {
    let (host, disk) = (Host::new(), blank());
    let place = disk.trace();
    let first = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let noted = std::rc::Rc::clone(&first);
    host.manager.after_each(move |memory| {
        noted.borrow_mut().push((memory.ek.0.len(), memory.saves, place.len()));
    });
    drop(host.start(disk.clone()).unwrap());
    let memory = host.manager.memory.borrow().clone();
    assert_eq!(memory.ek, (EK_NAME.to_vec(), EK_PUBLIC.to_vec()));
    let saved = first.borrow().iter().position(|(_, saves, _)| *saves == 1);
    let (ek, _, _) = first.borrow()[saved.expect("a first save") - 1];
    assert_eq!(ek, EK_NAME.len(), "named before anything was saved");
    host.manager.memory.borrow_mut().ek = Default::default();
    drop(host.start(disk.clone()).unwrap());
    assert_eq!(host.manager.memory.borrow().ek, Default::default(), "a known TPM says no more");
}
