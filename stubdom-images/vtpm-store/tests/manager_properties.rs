//! Whatever is put in comes out, in any order of changes and restarts.

mod support;

use domain_io::test_utils::FakeEntropy;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{blank, create, fields, open, uuid};
use tpm_wire::TpmVersion;
use vtpm_store::manager::{
    Change, EK_NAME_BYTES, EK_PUBLIC_BYTES, Flags, Frontend, Record, SHORT_HASH_BYTES,
};
use vtpm_store::{HashKey, Uuid};

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

prop_compose! {
    fn any_record(numbers: u64)(
        number in 0..numbers,
        (tpm2, flags, generation, group) in any::<(bool, u32, u64, u32)>(),
        hash_key in proptest::option::of(vec(any::<u8>(), 52..=64)),
        (image_hash, label_hash) in (bytes(SHORT_HASH_BYTES), bytes(SHORT_HASH_BYTES)),
        (accept_once, frontend) in any::<(Option<u64>, Option<(u32, [u8; 16])>)>(),
        (ek_name, ek_public) in (bytes(EK_NAME_BYTES), bytes(EK_PUBLIC_BYTES)),
    ) -> Record {
        let version = if tpm2 { TpmVersion::Tpm20 } else { TpmVersion::Tpm12 };
        let mut record = Record::new(uuid(number), version);
        (record.flags, record.generation, record.group) = (Flags(flags), generation, group);
        record.hash_key = hash_key.and_then(|wire| HashKey::from_wire(&wire));
        (record.image_hash, record.label_hash) = (image_hash, label_hash);
        record.accept_once = accept_once;
        record.frontend = frontend.map(|(domain, uuid)| Frontend { domain, uuid: Uuid(uuid) });
        (record.ek_name, record.ek_public) = (ek_name, ek_public);
        record
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => any_record(200).prop_map(|record| Change::Put(Box::new(record))),
        1 => (0..200_u64).prop_map(|number| Change::Remove(uuid(number))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_store_holds_what_a_map_would_hold(groups in vec(vec(any_change(), 0..40), 1..12)) {
        let mut entropy = FakeEntropy::new(11);
        let mut store = create(blank(2048));
        let mut model = BTreeMap::new();
        for group in groups {
            store.commit(&mut entropy, &group, fields(2)).unwrap();
            for change in group {
                match change {
                    Change::Put(record) => model.insert(record.uuid, *record),
                    Change::Remove(uuid) => model.remove(&uuid),
                };
            }
            store = open(store.into_disk()).unwrap().0;
            let held = store.list(None, usize::MAX).unwrap();
            prop_assert!(held.iter().eq(model.values()));
            prop_assert_eq!(store.records(), model.len() as u64);
        }
        for number in 0..200 {
            let held = store.get(uuid(number)).unwrap();
            prop_assert_eq!(held.as_ref(), model.get(&uuid(number)));
        }
    }
}
