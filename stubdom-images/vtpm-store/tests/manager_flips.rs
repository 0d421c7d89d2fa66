//! No changed byte of the manager's store goes unnoticed, and none turns into other contents.

mod support;

use domain_io::BlockDevice;
use domain_io::test_utils::{FakeEntropy, TracedDisk};
use support::{blank, create, fields, open, put, record, sealed, uuid};
use vtpm_store::manager::{Damage, LastCommit, PAGE_BYTES, StoreError};

const RECORDS: u64 = 40;

/// Two commits after the creation: every record, then one of them again.
fn store() -> TracedDisk {
    let mut entropy = FakeEntropy::new(4);
    let mut store = create(blank(256));
    let all: Vec<_> = (0..RECORDS).map(|number| put(number, 1)).collect();
    store.commit(&mut entropy, &all, fields(2)).unwrap();
    store.commit(&mut entropy, &[put(0, 2)], fields(3)).unwrap();
    store.into_disk().restarted()
}

fn flipped(disk: &TracedDisk, offset: usize) -> TracedDisk {
    let (mut disk, mut sector) = (disk.clone(), [0; 512]);
    let number = (offset / 512) as u64;
    disk.read(number, &mut sector).unwrap();
    sector[offset % 512] ^= 0x10;
    disk.write(number, &sector).unwrap();
    disk
}

/// What a start notices of a changed disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    Nothing,
    Mended,
    /// It is said that the last commit, or one root, is not whole.
    LastCommit,
    Refused(StoreError),
    /// Some records are refused as damaged.
    Lost,
}

/// Opens the disk and reads every record: each must be what was written, or be refused.
fn notice(disk: TracedDisk) -> Notice {
    let (mut store, notes) = match open(disk) {
        Ok(opened) => opened,
        Err(why) => return Notice::Refused(why),
    };
    let newest = store.fields().counter - 1;
    let allowed = match notes.last_commit {
        LastCommit::Whole => 2..=2,
        LastCommit::Incomplete => 1..=1,
        LastCommit::OneRootLost => 1..=2,
    };
    assert!(allowed.contains(&newest));
    let found = match store.list(None, usize::MAX) {
        Ok(found) => found,
        Err(StoreError::Damaged(Damage::Records { .. })) => return Notice::Lost,
        Err(other) => panic!("{other}"),
    };
    let mut written: Vec<_> = (0..RECORDS).map(|number| *record(uuid(number), 1)).collect();
    written[0].clone_from(&record(uuid(0), newest));
    written.sort_by_key(|record| record.uuid);
    assert_eq!(found, written);
    match (notes.last_commit, notes.mended_copies) {
        (LastCommit::Whole, 0) => Notice::Nothing,
        (LastCommit::Whole, _) => Notice::Mended,
        _ => Notice::LastCommit,
    }
}

/// Changes each byte of a range, one at a time.
fn each(range: std::ops::Range<usize>, mut check: impl FnMut(usize, Notice)) {
    let disk = store();
    for offset in range {
        check(offset, notice(flipped(&disk, offset)));
    }
}

#[test]
fn a_changed_byte_in_a_header_or_a_sealed_secret_is_noticed_and_mended() {
    let used = [512, 512, 64 + sealed().blob.len(), 64 + sealed().blob.len()];
    for (page, used) in [0, 1, 2, 4].into_iter().zip(used) {
        let start = page * PAGE_BYTES;
        each(start..start + used, |offset, notice| assert_eq!(notice, Notice::Mended, "{offset}"));
    }
}

#[test]
fn a_changed_byte_in_the_live_root_is_noticed() {
    // creation wrote root 6, the first commit root 7, the last one root 6 again
    let live = 6 * PAGE_BYTES;
    each(live..live + PAGE_BYTES, |offset, notice| {
        assert_eq!(notice, Notice::LastCommit, "{offset}");
    });
}

#[test]
fn a_changed_byte_in_the_older_root_is_noticed() {
    let older = 7 * PAGE_BYTES;
    each(older..older + PAGE_BYTES, |offset, notice| {
        assert_eq!(notice, Notice::LastCommit, "{offset}");
    });
}

#[test]
fn a_changed_byte_in_the_tree_is_noticed() {
    let pages = 8..14;
    let mut noticed = [0; 14];
    each(pages.start * PAGE_BYTES..pages.end * PAGE_BYTES, |offset, notice| {
        let page = offset / PAGE_BYTES;
        noticed[page] += usize::from(notice != Notice::Nothing);
    });
    // every byte of a page in use, none of a page that only the older root needs or that is free
    for page in pages {
        assert!([0, PAGE_BYTES].contains(&noticed[page]), "page {page}: {}", noticed[page]);
    }
    assert!(noticed.iter().filter(|count| **count == PAGE_BYTES).count() >= 3, "{noticed:?}");
}
