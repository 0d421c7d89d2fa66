//! Disks that released versions wrote can be opened. `cargo run -p vtpm-store --example
//! write_samples` wrote those of the present version; older ones are never written again.

mod support;

use domain_io::test_utils::TracedDisk;
use support::{KIB, secret};
use tpm_wire::TpmVersion::{Tpm12, Tpm20};
use vtpm_store::manager::{
    Accept, AcceptedBackup, Budget, Flags, Frontend, Opening, RollbackMode, inspect,
};
use vtpm_store::state_disk::{Content, StateDisk, StateDiskError, examine};
use vtpm_store::{HashKey, Secret, Uuid};

/// A sample is kept up to its last byte that is not zero.
fn disk(sample: &[u8], kib: usize) -> TracedDisk {
    let mut bytes = sample.to_vec();
    bytes.resize(kib * KIB, 0);
    TracedDisk::new(bytes)
}

#[test]
fn the_managers_store_of_version_1() {
    let mut disk = disk(include_bytes!("samples/manager-store-v1.img"), 256);
    let overview = inspect(&mut disk).unwrap();
    assert_eq!((overview.version, overview.min_reader), (1, 1));
    assert_eq!((overview.sequence, overview.records, overview.counter), (3, 2, 9));
    let opening = Opening::read(disk).unwrap();
    assert_eq!((opening.sealed().kind, &opening.sealed().blob[..]), (2, &b"sealed"[..]));
    let (mut store, notes) = opening.unlock(&secret(), Accept::WholeStore).unwrap();
    assert_eq!(notes, Default::default());
    let fields = store.fields();
    assert_eq!((fields.counter, fields.epoch, fields.hardware), (9, 4, Some(Tpm20)));
    assert_eq!(fields.mode, RollbackMode::Batched);
    assert_eq!(fields.budget, Budget { running: 20_000, used: 5, limit: 27 });
    assert_eq!(fields.accepted, AcceptedBackup { times: 1, sequence: 2, counter: 7 });
    let full = store.get(Uuid([0x11; 16])).unwrap().unwrap();
    assert_eq!((full.version, full.generation, full.group), (Tpm20, 41, 0));
    assert!(full.flags.has(Flags::PROVISIONED) && !full.flags.has(Flags::DISABLED));
    assert_eq!(full.hash_key, Some(HashKey::new(&[0xaa; 32], &Secret::new([0xbb; 32]))));
    assert_eq!((full.image_hash, full.label_hash), (vec![0xcc; 32], vec![0xdd; 20]));
    assert_eq!(full.accept_once, Some(40));
    assert_eq!(full.frontend, Some(Frontend { domain: 12, uuid: Uuid([0x22; 16]) }));
    assert_eq!((full.ek_name, full.ek_public), (vec![0xee; 34], vec![0xff; 294]));
    let plain = store.get(Uuid([0x33; 16])).unwrap().unwrap();
    assert_eq!((plain.version, plain.generation, plain.hash_key), (Tpm12, 0, None));
}

#[test]
fn a_vtpms_disk_of_version_1() {
    let sample = include_bytes!("samples/vtpm-disk-v1.img");
    let kept: &[u8; 64] = include_bytes!("samples/vtpm-disk-v1.hashkey");
    let id = Uuid([0x11; 16]);
    let mut plain = disk(sample, 536);
    let used = Content::Used { uuid: id, tpm: Tpm20, generations: [Some(3), Some(2)] };
    assert_eq!(examine(&mut plain).unwrap(), used);
    let (_, loaded) = StateDisk::open(plain, id, Tpm20, &HashKey::from(*kept)).unwrap();
    assert_eq!((loaded.generation, &loaded.image[..]), (3, &b"third state"[..]));
    let other = StateDisk::open(disk(sample, 536), id, Tpm12, &HashKey::from(*kept)).err();
    assert_eq!(other, Some(StateDiskError::OtherTpm { disk: Tpm20 }));
}
