//! What vTPM domains ask for.

use super::{device, held, manager, open_with, uuid};
use crate::manager::{Opened, Reply};
use crate::sessions::Refusal;
use alloc::vec;
use core::time::Duration;
use tpm_wire::manager::{Kept, Register, Request, StatusReport};
use tpm_wire::{Header, TpmVersion};
use vtpm_store::manager::{StoreError, inspect};

fn report(manager: &mut super::Rig, domain: u16) -> Kept {
    let packet = manager.ask(domain, &Request::Status.packet());
    StatusReport::of_answer(&packet).unwrap().kept
}

#[test]
fn sixty_four_bytes_come_back_and_count_as_one_save_when_repeated() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    let register = Register { version: TpmVersion::Tpm20, ek_name: &[1; 34], ek_public: &[] };
    assert_eq!(manager.vtpm(5, Request::Register(register)).0, 0);
    assert_eq!(report(&mut manager, 5), Kept::Record(TpmVersion::Tpm20));
    for generation in 1..4 {
        let body = [u8::try_from(generation).unwrap(); 64];
        for _ in 0..3 {
            assert_eq!(manager.vtpm(5, Request::Save(&body)).0, 0);
        }
        assert_eq!(manager.vtpm(5, Request::Load), (0, body.to_vec()));
        let kept = Kept::State { version: TpmVersion::Tpm20, generation, accept_once: None };
        assert_eq!(report(&mut manager, 5), kept);
    }
}

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let disk = super::blank();
    let (mut manager, opened) = open_with(disk.clone(), "hwtpm=none").unwrap();
    assert_eq!(opened, Opened::Created);
    manager.attach(5);
    assert_eq!(manager.vtpm(5, Request::Save(&[9; 64])).0, 0);
    drop(manager);
    let (mut manager, opened) = open_with(disk, "hwtpm=none").unwrap();
    assert!(matches!(opened, Opened::Found(_)));
    manager.attach(5);
    assert_eq!(manager.vtpm(5, Request::Load), (0, vec![9; 64]));
}

#[test]
fn saves_of_one_turn_share_one_flush() {
    let disk = super::blank();
    let (mut manager, _) = open_with(disk.clone(), "hwtpm=none").unwrap();
    for domain in 1..=20 {
        manager.attach(domain);
    }
    let before = disk.borrow().trace().flushes();
    let waiting: alloc::vec::Vec<_> = (1..=20_u16)
        .map(|domain| {
            let save = Request::Save(&[u8::try_from(domain).unwrap(); 64]).packet();
            manager.request(device(domain), &save, Duration::ZERO)
        })
        .collect();
    assert_eq!(disk.borrow().trace().flushes(), before, "nothing is written before the turn's end");
    let outcome = manager.commit(Duration::ZERO);
    assert_eq!((outcome.kept, outcome.commits), (20, 1));
    assert_eq!(disk.borrow().trace().flushes(), before + 1);
    for reply in waiting {
        let Reply::AfterCommit { uuid, answer, .. } = reply else { panic!("{reply:?}") };
        assert!(outcome.of(uuid).is_ok());
        assert_eq!(Header::parse(&answer).unwrap().0.code, 0);
    }
}

#[test]
fn a_new_uuid_needs_domain_0_where_that_was_said() {
    let mut manager = manager("hwtpm=none provision=explicit");
    manager.attach(5);
    assert_eq!(manager.vtpm(5, Request::Save(&[1; 64])).0, 1);
    let register = Register { version: TpmVersion::Tpm20, ek_name: &[], ek_public: &[] };
    assert_eq!(manager.vtpm(5, Request::Register(register)).0, 1);
    assert_eq!(report(&mut manager, 5), Kept::Nothing);
    let new =
        tpm_wire::manager::Command::New { uuid: uuid(5).0, version: TpmVersion::Tpm20, group: 0 };
    assert_eq!(manager.dom0(new).0, 0);
    assert_eq!(report(&mut manager, 5), Kept::Record(TpmVersion::Tpm20));
    assert_eq!(manager.vtpm(5, Request::Save(&[1; 64])).0, 0);
}

#[test]
fn an_endorsement_key_is_fixed_once_there_is_state() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    let register =
        |version, ek_name| Request::Register(Register { version, ek_name, ek_public: &[] });
    assert_eq!(manager.vtpm(5, register(TpmVersion::Tpm20, &[1])).0, 0);
    assert_eq!(manager.vtpm(5, register(TpmVersion::Tpm20, &[2])).0, 0, "nothing was saved yet");
    assert_eq!(manager.vtpm(5, register(TpmVersion::Tpm12, &[2])).0, 3, "another TPM version");
    assert_eq!(manager.vtpm(5, Request::Save(&[1; 64])).0, 0);
    assert_eq!(manager.vtpm(5, register(TpmVersion::Tpm20, &[2])).0, 0, "the same again");
    assert_eq!(manager.vtpm(5, register(TpmVersion::Tpm20, &[3])).0, 3, "another key");
    assert_eq!(manager.vtpm(5, register(TpmVersion::Tpm20, &[])).0, 3, "none any more");
    let show = manager.ask(0, &tpm_wire::manager::Command::Show(uuid(5).0).packet());
    assert_eq!(tpm_wire::manager::Show::of_answer(&show).unwrap().ek_name, [2]);
    // As from upstream's image, which never registers.
    manager.attach(6);
    assert_eq!(manager.vtpm(6, Request::Save(&[1; 52])).0, 0);
    assert_eq!(manager.vtpm(6, register(TpmVersion::Tpm12, &[7])).0, 0, "named once, after it");
    assert_eq!(manager.vtpm(6, register(TpmVersion::Tpm12, &[8])).0, 3);
}

#[test]
fn a_uuid_has_one_session() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    let (first, second) = (device(5), device(6));
    let refused = manager.attached(second, uuid(5), |id| id == first);
    assert_eq!(refused, Err(Refusal::InUse { uuid: uuid(5), by: first }));
    assert_eq!(manager.vtpm(6, Request::Load).0, 7, "refused devices have no session");
    assert_eq!(manager.attached(second, uuid(5), |_| false), Ok(()), "the first one is gone");
    assert_eq!(manager.vtpm(5, Request::Load).0, 7);
    assert_eq!(manager.vtpm(6, Request::Load).0, 3);
    manager.gone(first);
    assert_eq!(manager.vtpm(6, Request::Load).0, 3, "its end is not the second one's");
    assert_eq!(
        manager.attached(device(7), vtpm_store::Uuid::default(), |_| true),
        Err(Refusal::Nil)
    );
}

#[test]
fn a_record_stays_with_the_label_of_its_first_contact() {
    let mut manager = manager("hwtpm=none");
    manager.attach(5);
    manager.connected(device(5), Some(b"system_u:system_r:vtpm_t"));
    assert_eq!(manager.vtpm(5, Request::Save(&[1; 64])).0, 0);
    assert_ne!(manager.vtpm(5, Request::BootHash).1, vec![0; 20]);
    manager.connected(device(5), Some(b"system_u:system_r:guest_t"));
    assert_eq!(manager.vtpm(5, Request::Load).0, 7);
    manager.connected(device(5), None);
    assert_eq!(manager.vtpm(5, Request::Load).0, 0, "without labels everything works");
}

#[test]
fn disks_that_are_no_blank_disk_are_named_and_left_alone() {
    let mut foreign = vec![0; 1 << 20];
    foreign[70_000] = 1;
    let disk = held(foreign.clone());
    let Err(error) = open_with(disk.clone(), "hwtpm=none") else { panic!() };
    assert_eq!(error, crate::OpenError::Store(StoreError::Foreign));
    assert_eq!(disk.borrow().bytes(), foreign);
    let small = held(vec![0; 4096]);
    let Err(error) = open_with(small, "hwtpm=none") else { panic!() };
    assert!(matches!(error, crate::OpenError::Store(StoreError::TooSmall { .. })), "{error}");
}

#[test]
fn a_larger_disk_is_taken_into_use() {
    let disk = super::blank();
    drop(open_with(disk.clone(), "hwtpm=none").unwrap());
    let mut bytes = disk.borrow().bytes();
    bytes.resize(2 << 20, 0);
    let mut larger = held(bytes);
    drop(open_with(larger.clone(), "hwtpm=none").unwrap());
    assert_eq!(inspect(&mut larger).unwrap().bytes, 2 << 20);
}
