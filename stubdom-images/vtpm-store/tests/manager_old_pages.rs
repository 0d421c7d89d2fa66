//! Parts of an older copy of the manager's store are put back.

mod support;

use domain_io::BlockDevice;
use domain_io::test_utils::{FakeEntropy, TracedDisk};
use support::{blank, create, fields, open, put, record, secret, uuid};
use vtpm_store::manager::{Accept, Damage, LastCommit, Opening, PAGE_BYTES, StoreError};

const RECORDS: u64 = 60;

/// The same store at two moments: every record saved once, and then each many times.
fn earlier_and_later() -> (TracedDisk, TracedDisk) {
    let mut entropy = FakeEntropy::new(6);
    let mut store = create(blank(512));
    let all: Vec<_> = (0..RECORDS).map(|number| put(number, 1)).collect();
    store.commit(&mut entropy, &all, fields(2)).unwrap();
    let earlier = store.disk().restarted();
    for generation in 2..6 {
        for number in 0..RECORDS {
            store.commit(&mut entropy, &[put(number, generation)], fields(3)).unwrap();
        }
    }
    (earlier, store.into_disk().restarted())
}

#[test]
fn a_page_of_an_older_copy_is_never_read_as_the_present_one() {
    let (earlier, later) = earlier_and_later();
    let old = earlier.bytes();
    for (number, page) in (0..).zip(old.chunks(PAGE_BYTES)) {
        let mut mixed = later.restarted();
        mixed.write(number * 8, page).unwrap();
        let (mut store, _) = match open(mixed) {
            Ok(opened) => opened,
            Err(StoreError::Damaged(_)) => continue,
            Err(other) => panic!("page {number}: {other}"),
        };
        assert!(store.fields().counter >= 3, "page {number} rolled the store back");
        for number in 0..RECORDS {
            match store.get(uuid(number)) {
                // the last commit alone may be the one before it; see `LastCommit`
                Ok(found) => assert!(found.unwrap().generation >= 4),
                Err(StoreError::Damaged(Damage::Records { .. })) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn a_whole_older_copy_shows_its_older_counter() {
    let (earlier, later) = earlier_and_later();
    assert_eq!(open(later).unwrap().0.fields().counter, 3);
    let (store, notes) = open(earlier).unwrap();
    assert_eq!((store.fields().counter, notes.last_commit), (2, LastCommit::Whole));
}

#[test]
fn only_a_word_from_an_administrator_goes_on_without_a_damaged_branch() {
    let mut entropy = FakeEntropy::new(6);
    let mut store = create(blank(16 * 1024));
    let all: Vec<_> = (0..6000).map(|number| put(number, 1)).collect();
    for group in all.chunks(500) {
        store.commit(&mut entropy, group, fields(2)).unwrap();
    }
    store.commit(&mut entropy, &[], fields(3)).unwrap();
    let disk = store.into_disk();
    let sectors = disk.sectors();
    let (damaged, damage) = (8..sectors / 8)
        .find_map(|page| {
            let mut damaged = disk.restarted();
            damaged.write(page * 8 + 3, &[0x77; 512]).unwrap();
            let refused = open(damaged.clone()).err()?;
            Some((damaged, refused))
        })
        .expect("one of the pages is a branch");
    let StoreError::Damaged(damage @ Damage::Records { from, before, .. }) = damage else {
        panic!("{damage}");
    };
    let opening = Opening::read(damaged).unwrap();
    let (mut store, notes) = opening.unlock(&secret(), Accept::WhatIsLeft).unwrap();
    assert_eq!(notes.damaged, [damage]);
    let mut lost = 0;
    for number in 0..6000 {
        let id = uuid(number);
        let in_range = id >= from && before.is_none_or(|end| id < end);
        match store.get(id) {
            Ok(found) => assert!(!in_range && found == Some(*record(id, 1))),
            Err(StoreError::Damaged(_)) => lost += u64::from(in_range),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(lost > 500 && lost < 5500, "{lost}");
    assert_eq!(store.verify().unwrap().records, 6000 - lost);
    store.drop_damaged(&mut entropy).unwrap();
    let (store, _) = open(store.into_disk()).unwrap();
    assert_eq!(store.records(), 6000 - lost);
}
