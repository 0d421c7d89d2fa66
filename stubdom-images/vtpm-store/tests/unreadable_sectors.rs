//! Disks of which some sectors cannot be read any more.

mod support;

use domain_io::BlockError;
use domain_io::test_utils::{BadSectors, FakeEntropy, TracedDisk};
use support::{blank, create, fields, put, record, secret, uuid};
use tpm_wire::TpmVersion::Tpm20;
use vtpm_store::Secret;
use vtpm_store::manager::{Accept, Damage, Opening, Store, StoreError, Verdict};
use vtpm_store::state_disk::{Over, StateDisk};

fn store() -> TracedDisk {
    let mut store = create(blank(512));
    let mut entropy = FakeEntropy::new(2);
    let all: Vec<_> = (0..100).map(|number| put(number, 1)).collect();
    store.commit(&mut entropy, &all, fields(2)).unwrap();
    store.commit(&mut entropy, &[], fields(3)).unwrap();
    store.into_disk()
}

fn open(page: u64, pages: u64) -> Result<(Store<BadSectors<TracedDisk>>, u32), StoreError> {
    let disk = BadSectors::dead(store(), page * 8..(page + pages) * 8);
    let (store, notes) = Opening::read(disk)?.unlock(&secret(), Accept::WholeStore)?;
    Ok((store, notes.lost_copies))
}

#[test]
fn one_copy_of_header_or_sealed_secret_is_enough() {
    for page in [0, 1, 2, 4] {
        let (mut store, lost) = open(page, 1).unwrap();
        assert_eq!((lost, store.verify().unwrap().records), (1, 100));
    }
}

#[test]
fn both_copies_lost_are_named() {
    assert_eq!(open(0, 2).err(), Some(StoreError::Damaged(Damage::Header)));
    assert_eq!(open(2, 4).err(), Some(StoreError::Damaged(Damage::SealedSecret)));
}

#[test]
fn a_root_that_cannot_be_read_is_not_guessed_at() {
    for page in [6, 7] {
        assert_eq!(open(page, 1).err(), Some(StoreError::Disk(BlockError::Failed)));
    }
}

#[test]
fn a_lost_leaf_takes_only_its_own_records_and_says_which() {
    let (mut store, _) = open(9, 1).unwrap();
    let mut lost = 0;
    for number in 0..100 {
        match store.get(uuid(number)) {
            Ok(found) => assert_eq!(found, Some(*record(uuid(number), 1))),
            Err(StoreError::Damaged(Damage::Records { page, from, before })) => {
                assert_eq!(page, 9);
                assert!(from <= uuid(number) && before.is_none_or(|end| uuid(number) < end));
                lost += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!((10..40).contains(&lost), "{lost}");
    let verdict = store.verify().unwrap();
    assert_eq!((verdict.records, verdict.damaged.len()), (100 - lost, 1));
    let mut entropy = FakeEntropy::new(3);
    let (mut saved, mut refused) = (0, 0);
    for number in 0..100 {
        match store.commit(&mut entropy, &[put(number, 2)], fields(4)) {
            Ok(_) => saved += 1,
            Err(StoreError::Damaged(_)) => refused += 1,
            Err(StoreError::Disk(BlockError::Failed)) => panic!("a bad sector stopped the store"),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((saved, refused), (100 - lost, lost));
}

#[test]
fn a_damaged_leaf_is_dropped_only_on_request_and_then_its_uuids_are_free() {
    let (mut store, _) = open(9, 1).unwrap();
    let mut entropy = FakeEntropy::new(3);
    let dropped = store.drop_damaged(&mut entropy).unwrap();
    assert_eq!((dropped.damaged.len(), store.records()), (1, dropped.records));
    let opening = Opening::read(store.into_disk()).unwrap();
    let (mut store, _) = opening.unlock(&secret(), Accept::WholeStore).unwrap();
    assert_eq!(store.verify().unwrap(), Verdict { records: dropped.records, damaged: vec![] });
    let lost: Vec<_> = (0..100).filter(|n| store.get(uuid(*n)).unwrap().is_none()).collect();
    assert_eq!(lost.len() as u64, 100 - dropped.records);
    for number in lost {
        // the page under the record is free again, and failing: writing to it is tried once
        let mut again = || store.commit(&mut entropy, &[put(number, 1)], fields(5));
        again().or_else(|_| again()).unwrap();
    }
    assert_eq!(store.verify().unwrap(), Verdict { records: 100, damaged: vec![] });
    assert_eq!(store.drop_damaged(&mut entropy).unwrap().damaged, []);
}

#[test]
fn a_vtpms_disk_loads_as_long_as_one_mark_and_its_slot_can_be_read() {
    let mut disk = StateDisk::create(blank(2048), uuid(1), Tpm20, Over::Blank).unwrap();
    let (mut entropy, key) = (FakeEntropy::new(5), Secret::new([9; 32]));
    let mut kept = None;
    for image in [b"one", b"two"] {
        kept = Some(disk.save(&mut entropy, &key, image).unwrap());
        disk.confirm().unwrap();
    }
    let (disk, kept) = (disk.into_disk(), kept.unwrap());
    for bad in [0..1, 8..9, 16..18] {
        let disk = BadSectors::dead(disk.restarted(), bad);
        let (_, loaded) = StateDisk::open(disk, uuid(1), Tpm20, &kept).unwrap();
        assert_eq!(loaded.image[..], *b"two");
    }
}

#[test]
fn a_branch_that_cannot_be_read_is_damage_that_an_administrator_may_accept() {
    let branch = (8..40).find(|page| open(*page, 1).is_err()).expect("the page of a branch");
    let disk = || BadSectors::dead(store(), branch * 8..(branch + 1) * 8);
    let unlock = |accept| Opening::read(disk())?.unlock(&secret(), accept);
    let page = u32::try_from(branch).unwrap();
    let Err(StoreError::Damaged(Damage::Records { page: named, .. })) = unlock(Accept::WholeStore)
    else {
        panic!("{:?}", unlock(Accept::WholeStore).err())
    };
    assert_eq!(named, page);
    let (mut store, notes) = unlock(Accept::WhatIsLeft).unwrap();
    assert_eq!((notes.damaged.len(), store.verify().unwrap().records), (1, 0));
}

#[test]
fn a_page_of_the_last_commit_that_cannot_be_read_is_not_guessed_at() {
    let mut store = create(blank(512));
    let mut entropy = FakeEntropy::new(2);
    let all: Vec<_> = (0..100).map(|number| put(number, 1)).collect();
    store.commit(&mut entropy, &all, fields(2)).unwrap();
    let last = store.commit(&mut entropy, &[put(7, 2)], fields(3)).unwrap();
    assert_eq!(last.pages_written, 3);
    let disk = store.into_disk();
    let unlock = |page: u64, accept| {
        let bad = page * 8..(page + 1) * 8;
        Opening::read(BadSectors::dead(disk.restarted(), bad))?.unlock(&secret(), accept)
    };
    let failed = Some(StoreError::Disk(BlockError::Failed));
    let lost = |page: &u64| unlock(*page, Accept::WholeStore).err() == failed;
    let pages: Vec<u64> = (8..64).filter(lost).collect();
    assert_eq!(pages.len(), 2, "{pages:?}");
    for page in pages {
        let (mut store, _) = unlock(page, Accept::WhatIsLeft).unwrap();
        assert_eq!(store.sequence(), last.sequence, "not the commit before");
        assert!(matches!(store.get(uuid(7)), Err(StoreError::Damaged(_))));
    }
}
