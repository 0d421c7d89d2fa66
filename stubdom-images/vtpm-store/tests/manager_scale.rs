//! The cost of a save does not depend on how many vTPMs there are.

mod support;

use domain_io::test_utils::{FakeDisk, FakeEntropy};
use support::{Choices, fields, put, sealed, secret, uuid};
use vtpm_store::manager::{Accept, Change, Opening, Store};

/// What single saves cost in a store of this many records: pages and flushes for each.
fn cost_of_saves(records: u64) -> (usize, usize) {
    const SAVES: usize = 200;
    let mut entropy = FakeEntropy::new(3);
    let disk = FakeDisk::new(64 * 2048);
    let mut store = Store::create(disk, &mut entropy, &secret(), &sealed(), fields(1)).unwrap();
    let numbers: Vec<u64> = (0..records).collect();
    for group in numbers.chunks(5000) {
        let changes: Vec<Change> = group.iter().map(|number| put(*number, 1)).collect();
        store.commit(&mut entropy, &changes, fields(1)).unwrap();
    }
    let (mut store, _) =
        Opening::read(store.into_disk()).unwrap().unlock(&secret(), Accept::WholeStore).unwrap();
    assert_eq!(store.records(), records);
    let (mut choices, mut pages) = (Choices(8), 0);
    let flushes = store.disk().flushes();
    for _ in 0..SAVES {
        let number = choices.below(records);
        pages += store.commit(&mut entropy, &[put(number, 2)], fields(1)).unwrap().pages_written;
        assert_eq!(store.get(uuid(number)).unwrap().unwrap().generation, 2);
    }
    assert_eq!(store.verify().unwrap().records, records);
    (pages / SAVES, (store.disk().flushes() - flushes) / SAVES)
}

#[test]
fn a_save_among_fifty_thousand_costs_what_it_costs_among_ten() {
    for records in [10, 20_000, 50_000] {
        assert_eq!(cost_of_saves(records), (3, 1), "{records}");
    }
}

#[test]
fn as_many_records_as_the_format_can_name_are_taken_and_no_more() {
    let mut entropy = FakeEntropy::new(3);
    let disk = FakeDisk::new(128 * 2048);
    let mut store = Store::create(disk, &mut entropy, &secret(), &sealed(), fields(1)).unwrap();
    let large = |number| {
        let mut record = support::record(uuid(number), 1);
        record.ek_public = vec![5; 600];
        Change::Put(record)
    };
    let mut held = 0;
    let refused = loop {
        let group: Vec<_> = (held..held + 500).map(large).collect();
        match store.commit(&mut entropy, &group, fields(1)) {
            Ok(_) => held += 500,
            Err(why) => break why,
        }
    };
    assert_eq!(refused, vtpm_store::manager::StoreError::TooMany);
    assert!(held >= 10_000, "{held}");
    store.commit(&mut entropy, &[large(7), large(held / 2)], fields(2)).unwrap();
    assert_eq!(store.verify().unwrap().records, held);
}
