//! What somebody who only reads the disks gets to see.

mod support;

use domain_io::test_utils::FakeEntropy;
use support::{KIB, blank, create, fields, put, secret, uuid};
use tpm_wire::TpmVersion::Tpm20;
use vtpm_store::state_disk::{Over, StateDisk};
use vtpm_store::{HashKey, Secret};

/// Whether eight bytes in a row of `text` stand anywhere in `disk`.
fn shows(disk: &[u8], text: &[u8]) -> bool {
    text.windows(8).step_by(8).any(|piece| disk.windows(8).any(|found| found == piece))
}

#[test]
fn nothing_of_a_state_or_its_key_is_readable_on_a_vtpms_disk() {
    let state: Vec<u8> = (0..4096u32).flat_map(|n| (n ^ 0x7e57_0000).to_be_bytes()).collect();
    let key = Secret::new(core::array::from_fn(|at| 0x40 + u8::try_from(at).unwrap()));
    let mut disk = StateDisk::create(blank(2 * KIB), uuid(1), Tpm20, Over::Blank).unwrap();
    disk.save(&mut FakeEntropy::new(5), &key, &state).unwrap();
    disk.confirm().unwrap();
    let bytes = disk.into_disk().bytes();
    assert!(!shows(&bytes, &state[..KIB]) && !shows(&bytes, key.bytes()));
    assert!(
        shows(&bytes, &uuid(1).0),
        "the disk's own name is not hidden, so this search finds what is there"
    );
}

#[test]
fn nothing_of_a_record_or_the_stores_secret_is_readable_on_a_managers_disk() {
    let mut store = create(blank(512));
    store.commit(&mut FakeEntropy::new(2), &[put(1, 4)], fields(2)).unwrap();
    let bytes = store.into_disk().bytes();
    let kept = HashKey::new(&[4; 32], &Secret::new([!4; 32]));
    assert!(!shows(&bytes, kept.bytes()) && !shows(&bytes, secret().bytes()));
    assert!(shows(&bytes, &uuid(1).0), "which vTPMs there are is not hidden");
}
