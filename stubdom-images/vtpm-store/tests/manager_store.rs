//! The manager's store: what is kept, what a disk is instead of a store, and how it fills up.

mod support;

use domain_io::BlockError;
use domain_io::test_utils::FakeEntropy;
use support::{blank, create, fields, open, put, record, sealed, secret, uuid, with};
use vtpm_store::Secret;
use vtpm_store::manager::{
    Accept, Change, LARGEST_SEALED_BYTES, Opening, PAGE_BYTES, Record, SealedSecret, Store,
    StoreError, inspect,
};

fn error_of<T>(result: Result<T, StoreError>) -> StoreError {
    result.err().expect("this must be refused")
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let mut store = create(blank(512));
    let mut entropy = FakeEntropy::new(2);
    let changes = [put(1, 4), put(2, 9)];
    store.commit(&mut entropy, &changes, fields(2)).unwrap();
    store.commit(&mut entropy, &[Change::Remove(uuid(1))], fields(3)).unwrap();
    let (mut store, notes) = open(store.into_disk()).unwrap();
    assert_eq!(notes, Default::default());
    assert_eq!(store.get(uuid(2)).unwrap().unwrap(), *record(uuid(2), 9));
    assert_eq!(store.get(uuid(1)).unwrap(), None);
    assert_eq!((store.records(), store.sequence(), store.fields()), (1, 3, fields(3)));
}

#[test]
fn a_commit_of_many_records_flushes_once() {
    let disk = blank(4096);
    let trace = disk.trace();
    let mut store = create(disk);
    let before = trace.flushes();
    let changes: Vec<_> = (0..200).map(|number| put(number, 1)).collect();
    store.commit(&mut FakeEntropy::new(2), &changes, fields(2)).unwrap();
    assert_eq!(trace.flushes() - before, 1);
    assert_eq!(store.verify().unwrap().records, 200);
}

#[test]
fn advancing_the_counter_writes_one_page() {
    let mut store = create(blank(512));
    let done = store.commit(&mut FakeEntropy::new(2), &[], fields(2)).unwrap();
    assert_eq!(done.pages_written, 1);
    assert_eq!(open(store.into_disk()).unwrap().0.fields().counter, 2);
}

#[test]
fn what_is_no_store_is_named() {
    assert_eq!(error_of(open(blank(512))), StoreError::Blank);
    let foreign = with(&blank(512), |bytes| bytes[70_000] = 1);
    assert_eq!(error_of(open(foreign)), StoreError::Foreign);
    assert_eq!(error_of(open(blank(16))), StoreError::TooSmall { needs: 512, has: 32 });
}

#[test]
fn a_store_is_never_created_over_anything() {
    let mut entropy = FakeEntropy::new(1);
    let used = create(blank(512)).into_disk();
    let foreign = with(&blank(512), |bytes| bytes[70_000] = 1);
    for disk in [used, foreign] {
        let again = Store::create(disk, &mut entropy, &secret(), &sealed(), fields(1));
        assert_eq!(error_of(again), StoreError::Foreign);
    }
}

#[test]
fn another_secret_is_told_from_damage() {
    let disk = create(blank(512)).into_disk();
    let other = Opening::read(disk).unwrap().unlock(&Secret::new([1; 32]), Accept::WholeStore);
    assert_eq!(error_of(other), StoreError::WrongSecret);
}

#[test]
fn a_smaller_disk_is_refused_and_a_larger_one_taken_into_use() {
    let mut entropy = FakeEntropy::new(2);
    let disk = create(blank(1024)).into_disk();
    let smaller = with(&disk, |bytes| bytes.truncate(512 * support::KIB));
    assert_eq!(error_of(open(smaller)), StoreError::TooSmall { needs: 2048, has: 1024 });
    let larger = with(&disk, |bytes| bytes.resize(2048 * support::KIB, 0));
    let (mut store, notes) = open(larger).unwrap();
    assert!(notes.can_grow);
    let free = store.free_pages();
    assert_eq!(store.grow(&mut entropy).unwrap(), 512);
    assert_eq!(store.free_pages(), free + 256);
    let (store, notes) = open(store.into_disk()).unwrap();
    assert!(!notes.can_grow && store.free_pages() == free + 256);
}

#[test]
fn a_full_store_refuses_new_records_and_still_saves_the_old_ones() {
    let mut store = create(blank(512));
    let mut entropy = FakeEntropy::new(2);
    let mut held = 0;
    let refused = loop {
        match store.commit(&mut entropy, &[put(held, 1)], fields(1)) {
            Ok(_) => held += 1,
            Err(why) => break why,
        }
    };
    assert_eq!(refused, StoreError::Full);
    assert!(held > 500, "{held}");
    for number in 0..held {
        store.commit(&mut entropy, &[put(number, 2)], fields(2)).unwrap();
    }
    let group: Vec<_> = (0..15).map(|number| put(number * 7, 3)).collect();
    store.commit(&mut entropy, &group, fields(2)).unwrap();
    for number in 0..held {
        store.commit(&mut entropy, &[Change::Remove(uuid(number))], fields(3)).unwrap();
    }
    let (store, _) = open(store.into_disk()).unwrap();
    assert_eq!((store.records(), store.free_pages()), (0, 128 - 8));
}

#[test]
fn a_record_with_a_part_that_is_too_long_changes_nothing() {
    let mut store = create(blank(512));
    let mut long = Record::new(uuid(1), tpm_wire::TpmVersion::Tpm12);
    long.ek_public = vec![1; 601];
    let changes = [put(2, 1), Change::Put(Box::new(long))];
    let refused = store.commit(&mut FakeEntropy::new(2), &changes, fields(2));
    assert_eq!(error_of(refused), StoreError::RecordTooLong);
    assert_eq!((store.records(), store.sequence()), (0, 1));
}

#[test]
fn records_are_listed_in_order_and_in_pieces() {
    let mut store = create(blank(1024));
    let changes: Vec<_> = (0..300).map(|number| put(number, 1)).collect();
    store.commit(&mut FakeEntropy::new(2), &changes, fields(2)).unwrap();
    let (mut all, mut last) = (vec![], None);
    loop {
        let piece = store.list(last, 7).unwrap();
        let Some(end) = piece.last() else { break };
        last = Some(end.uuid);
        all.extend(piece.into_iter().map(|record| record.uuid));
    }
    let mut expected: Vec<_> = (0..300).map(uuid).collect();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn a_replaced_sealed_secret_is_on_both_copies() {
    let mut store = create(blank(512));
    let newer = SealedSecret { kind: 8, blob: vec![2; LARGEST_SEALED_BYTES] };
    store.replace_sealed(&newer).unwrap();
    let too_long = SealedSecret { kind: 8, blob: vec![2; LARGEST_SEALED_BYTES + 1] };
    assert_eq!(store.replace_sealed(&too_long), Err(StoreError::SealedTooLong));
    let disk = store.into_disk();
    for copy in [2, 4] {
        let broken = with(&disk, |bytes| bytes[copy * PAGE_BYTES + 100] ^= 1);
        assert_eq!(*Opening::read(broken).unwrap().sealed(), newer);
    }
}

#[test]
fn damaged_second_copies_are_written_again() {
    let disk = create(blank(512)).into_disk();
    for offset in [20, PAGE_BYTES, 2 * PAGE_BYTES + 70, 4 * PAGE_BYTES] {
        let (store, notes) = open(with(&disk, |bytes| bytes[offset] ^= 1)).unwrap();
        assert_eq!(notes.mended_copies, 1);
        assert_eq!(store.into_disk().bytes(), disk.bytes());
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let disk = with(&create(blank(512)).into_disk(), |bytes| {
        for page in [0, 1] {
            let header = &mut bytes[page * PAGE_BYTES..][..512];
            header[16] = 3;
            header[20] = 2;
            let digest: [u8; 32] = {
                use sha2::Digest;
                sha2::Sha256::digest(&header[..480]).into()
            };
            header[480..].copy_from_slice(&digest);
        }
    });
    assert_eq!(error_of(open(disk)), StoreError::NewerVersion { version: 3, needs: 2 });
}

#[test]
fn a_store_says_what_it_is_without_its_secret() {
    let mut store = create(blank(512));
    store.commit(&mut FakeEntropy::new(2), &[put(1, 1)], fields(17)).unwrap();
    let overview = inspect(&mut store.into_disk()).unwrap();
    assert_eq!((overview.version, overview.sequence), (1, 2));
    assert_eq!((overview.counter, overview.epoch, overview.records), (17, 3, 1));
}

#[test]
fn without_entropy_nothing_is_written_under_an_old_key() {
    let before = create(blank(512)).into_disk();
    let (mut store, _) = open(before.restarted()).unwrap();
    let mut entropy = FakeEntropy::new(2);
    entropy.broken = true;
    let refused = store.commit(&mut entropy, &[put(1, 1)], fields(2));
    assert_eq!(error_of(refused), StoreError::NoEntropy);
    let after = store.into_disk();
    assert!(after.bytes() == before.bytes(), "something was written");
    let (mut store, _) = open(after).unwrap();
    entropy.broken = false;
    store.commit(&mut entropy, &[put(1, 1)], fields(2)).unwrap();
}

#[test]
fn after_a_failed_flush_the_store_must_be_opened_again() {
    let mut entropy = FakeEntropy::new(2);
    let mut disk = create(blank(512)).into_disk();
    // one leaf, one branch and the root, eight sectors each; then the flush fails
    disk.die_after(Some(1 + 24));
    let (mut store, _) = open(disk).unwrap();
    let failed = store.commit(&mut entropy, &[put(1, 1)], fields(2));
    assert_eq!(error_of(failed), StoreError::Disk(BlockError::Gone));
    let refused = store.commit(&mut entropy, &[put(1, 2)], fields(2));
    assert_eq!(error_of(refused), StoreError::MustReopen);
    let mut disk = store.into_disk();
    disk.die_after(None);
    let (mut store, _) = open(disk).unwrap();
    assert_eq!(store.get(uuid(1)).unwrap(), Some(*record(uuid(1), 1)));
    store.commit(&mut entropy, &[put(1, 2)], fields(2)).unwrap();
}
