//! Whoever has the disks of a vTPM or of the manager writes anything onto them.

use super::bytes::Bytes;
use super::edits::{edit, put_digests_right};
use domain_io::SECTOR_BYTES;
use domain_io::test_utils::TracedDisk;
use state_inspect::inspect;
use tpm_wire::TpmVersion;
use vtpm_keeper::image::Image;
use vtpm_store::manager::{Accept, Opening, Record, StoreError};
use vtpm_store::state_disk::StateDisk;
use vtpm_store::{HashKey, Secret, Uuid};

const VTPM: &[u8] =
    include_bytes!("../../../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.img");
const KEPT: [u8; 64] =
    *include_bytes!("../../../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.hashkey");
const STORE: &[u8] =
    include_bytes!("../../../../stubdom-images/vtpm-store/tests/samples/manager-store-v1.img");
const IMAGE: &[u8] =
    include_bytes!("../../../../stubdom-images/vtpm-keeper/tests/samples/vtpm-image-v1-full.bin");

const VTPM_BYTES: usize = 536 * 1024;
const STORE_BYTES: usize = 256 * 1024;
const OWNER: Uuid = Uuid([0x11; 16]);

/// The first byte says which disk it is and what is done to it: a vTPM's (0), a manager's (1), one of
/// these bytes alone (2), or an image that stands encrypted on a vTPM's disk (3); 4: the digests that
/// anybody can compute are put right; 8: the disk's size is another one, in the next two bytes, in
/// KiB. Then come the changes.
///
/// # Panics
/// When a state, a record or an image is taken that was never written, or what is refused has no
/// words.
pub fn disks(data: &[u8]) {
    let mut bytes = Bytes(data);
    let kind = bytes.byte();
    let size = |usual: usize, bytes: &mut Bytes<'_>| match kind & 8 {
        0 => usual,
        _ => usize::from(bytes.word()) % 1024 * 1024,
    };
    match kind % 4 {
        0 => vtpm(changed(VTPM, size(VTPM_BYTES, &mut bytes), kind, &mut bytes)),
        1 => manager(changed(STORE, size(STORE_BYTES, &mut bytes), kind, &mut bytes)),
        2 => any(changed(&[], size(STORE_BYTES, &mut bytes), kind, &mut bytes)),
        _ => image(&edit(IMAGE, &mut bytes)),
    }
}

/// A disk that begins with `sample`, changed.
fn changed(sample: &[u8], size: usize, kind: u8, bytes: &mut Bytes<'_>) -> TracedDisk {
    let mut sound = sample.to_vec();
    sound.resize(size, 0);
    let mut edited = edit(&sound, bytes);
    if kind & 4 != 0 {
        put_digests_right(&mut edited);
    }
    edited.resize(edited.len().next_multiple_of(SECTOR_BYTES), 0);
    TracedDisk::new(edited)
}

/// What vtpm-inspect says.
fn told(disk: &TracedDisk) {
    match inspect(&mut disk.clone()) {
        Ok(report) => {
            assert!(!report.to_string().is_empty() && report.json().is_object());
        }
        Err(what) => assert!(!what.to_string().is_empty()),
    }
}

fn any(disk: TracedDisk) {
    told(&disk);
    if let Ok(opening) = Opening::read(disk) {
        let opened = opening.unlock(&secret(), Accept::WhatIsLeft);
        assert!(opened.is_err(), "nobody without the secret can make a store");
    }
}

fn vtpm(disk: TracedDisk) {
    told(&disk);
    let kept = HashKey::from(KEPT);
    match StateDisk::open(disk.clone(), OWNER, TpmVersion::Tpm20, &kept) {
        Ok((_, loaded)) => {
            assert_eq!((loaded.generation, &loaded.image[..]), (3, &b"third state"[..]));
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    let (key, tpm) = (kept.key(), TpmVersion::Tpm20);
    for (generation, state) in [(2, &b"second state"[..]), (3, b"third state"), (1, b"never")] {
        if let Ok((_, loaded, _)) =
            StateDisk::open_older(disk.clone(), OWNER, tpm, &key, generation)
        {
            assert_eq!(&loaded.image[..], state, "generation {generation}");
        }
    }
}

fn secret() -> Secret {
    Secret::new([0x5a; 32])
}

/// The records that the sample ever had.
fn written() -> Vec<Record> {
    let mut sound = STORE.to_vec();
    sound.resize(STORE_BYTES, 0);
    let read = Opening::read(TracedDisk::new(sound)).expect("a sound store");
    let (mut store, _) = read.unlock(&secret(), Accept::WholeStore).expect("its own secret");
    store.list(None, usize::MAX).expect("its records")
}

fn manager(disk: TracedDisk) {
    told(&disk);
    let opened = Opening::read(disk).and_then(|read| read.unlock(&secret(), Accept::WhatIsLeft));
    let mut store = match opened {
        Ok((store, _)) => store,
        Err(why) => return assert!(!why.to_string().is_empty()),
    };
    match store.list(None, usize::MAX) {
        Ok(found) => {
            let written = written();
            assert!(found.iter().all(|record| written.contains(record)), "{found:?}");
        }
        Err(StoreError::Damaged(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

/// Whoever can write an image has its key; it may be nonsense all the same.
fn image(bytes: &[u8]) {
    match Image::decode(bytes) {
        Ok(image) => {
            let again = Image::decode(&image.encode()).expect("what was written is read");
            assert_eq!(again, image);
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}
