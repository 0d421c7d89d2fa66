//! Writes the samples of the present version into `tests/samples`.

use domain_io::test_utils::{FakeDisk, FakeEntropy};
use std::path::Path;
use tpm_wire::TpmVersion::{Tpm12, Tpm20};
use vtpm_store::manager::{
    AcceptedBackup, Budget, Change, Fields, Flags, Frontend, Record, RollbackMode, SealedSecret,
    Store,
};
use vtpm_store::state_disk::{Over, StateDisk};
use vtpm_store::{HashKey, Secret, Uuid};

/// Keeps a disk up to its last byte that is not zero.
fn keep(name: &str, bytes: &[u8]) {
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name);
    std::fs::write(&path, &bytes[..length]).expect("the sample can be written");
    println!("{} ({length} bytes)", path.display());
}

fn records() -> [Change; 2] {
    let mut full = Record::new(Uuid([0x11; 16]), Tpm20);
    full.flags = Flags::PROVISIONED;
    full.generation = 41;
    full.hash_key = Some(HashKey::new(&[0xaa; 32], &Secret::new([0xbb; 32])));
    (full.image_hash, full.label_hash) = (vec![0xcc; 32], vec![0xdd; 20]);
    full.accept_once = Some(40);
    full.frontend = Some(Frontend { domain: 12, uuid: Uuid([0x22; 16]) });
    (full.ek_name, full.ek_public) = (vec![0xee; 34], vec![0xff; 294]);
    [full, Record::new(Uuid([0x33; 16]), Tpm12)].map(|record| Change::Put(Box::new(record)))
}

fn manager_store() {
    let mut entropy = FakeEntropy::new(1);
    let sealed = SealedSecret { kind: 2, blob: b"sealed".to_vec() };
    let fields = Fields {
        counter: 9,
        counter_id: [0; 16],
        epoch: 4,
        hardware: Some(Tpm20),
        mode: RollbackMode::Batched,
        budget: Budget { running: 20_000, used: 5, limit: 27 },
        accepted: AcceptedBackup { times: 1, sequence: 2, counter: 7 },
    };
    let (disk, secret) = (FakeDisk::new(512), Secret::new([0x5a; 32]));
    let mut store = Store::create(disk, &mut entropy, &secret, &sealed, fields).expect("created");
    for record in records() {
        store.commit(&mut entropy, &[record], fields).expect("committed");
    }
    keep("manager-store-v1.img", store.into_disk().durable());
}

fn vtpm_disk() {
    let (mut entropy, key) = (FakeEntropy::new(2), Secret::new([0xbb; 32]));
    let disk = FakeDisk::new(1072);
    let mut disk = StateDisk::create(disk, Uuid([0x11; 16]), Tpm20, Over::Blank).expect("prepared");
    for image in ["first state", "second state", "third state"] {
        let kept = disk.save(&mut entropy, &key, image.as_bytes()).expect("saved");
        disk.confirm().expect("confirmed");
        keep("vtpm-disk-v1.hashkey", kept.bytes());
    }
    keep("vtpm-disk-v1.img", disk.into_disk().durable());
}

fn main() {
    manager_store();
    vtpm_disk();
}
