//! A vTPM's disk: what is loaded, what is refused and by which name.

mod support;

use domain_io::test_utils::{FakeEntropy, TracedDisk};
use domain_io::{BlockDevice, BlockError};
use sha2::{Digest, Sha256};
use support::{KIB, blank, uuid, with};
use tpm_wire::TpmVersion::{Tpm12, Tpm20};
use vtpm_store::state_disk::{
    Content, LARGEST_IMAGE_BYTES, LEAST_SECTORS, Loaded, Over, SlotReport, StateDisk,
    StateDiskError, examine,
};
use vtpm_store::{HashKey, Secret, Uuid};

const SLOT_1: usize = 8 * KIB + (2048 - 8) / 2 * KIB;

fn key() -> Secret {
    Secret::new([0x4b; 32])
}

/// A disk after these saves, all kept by the manager, and what the manager keeps.
fn saved(id: Uuid, images: &[&[u8]]) -> (TracedDisk, HashKey) {
    let mut entropy = FakeEntropy::new(5);
    let mut disk = StateDisk::create(blank(2 * KIB), id, Tpm20, Over::Blank).unwrap();
    let mut kept = None;
    for image in images {
        kept = Some(disk.save(&mut entropy, &key(), image).unwrap());
        disk.confirm().unwrap();
    }
    (disk.into_disk(), kept.unwrap())
}

fn load(disk: TracedDisk, kept: &HashKey) -> Result<Loaded, StateDiskError> {
    StateDisk::open(disk, uuid(1), Tpm20, kept).map(|(_, loaded)| loaded)
}

fn error_of<T>(result: Result<T, StateDiskError>) -> StateDiskError {
    result.err().expect("this must be refused")
}

#[test]
fn the_state_that_the_manager_names_is_loaded() {
    for images in [&[&b"one"[..]][..], &[b"one", b"two"], &[b"one", b"two", b"three"]] {
        let (disk, kept) = saved(uuid(1), images);
        let loaded = load(disk, &kept).unwrap();
        assert_eq!(loaded.image[..], *images[images.len() - 1]);
        assert_eq!(loaded.generation, images.len() as u64);
    }
}

#[test]
fn an_older_copy_of_the_disk_is_refused_with_its_generations() {
    let (disk, _) = saved(uuid(1), &[b"one", b"two"]);
    let (_, newer) = saved(uuid(1), &[b"one", b"two", b"three"]);
    let older = |generation| SlotReport::Older { generation };
    let refused = error_of(load(disk, &newer));
    assert_eq!(refused, StateDiskError::NoSlotMatches([older(1), older(2)]));
    assert!(refused.to_string().contains("another state, generation 2"), "{refused}");
}

#[test]
fn the_older_slot_is_refused_when_the_newer_one_is_damaged() {
    let (disk, kept) = saved(uuid(1), &[b"one", b"two"]);
    let disk = with(&disk, |bytes| bytes[SLOT_1 + 17] ^= 1);
    let reports = [SlotReport::Older { generation: 1 }, SlotReport::Damaged];
    assert_eq!(error_of(load(disk, &kept)), StateDiskError::NoSlotMatches(reports));
}

/// The check of a slot's head protects against nobody: whoever has the disk writes any length with it.
#[test]
fn a_slot_of_any_length_does_not_hide_the_other_one() {
    let (disk, kept) = saved(uuid(1), &[b"one", b"two"]);
    let largest = u32::try_from(LARGEST_IMAGE_BYTES).unwrap();
    for length in [0, 1, 512, largest, largest + 1, u32::MAX] {
        let forged = with(&disk, |bytes| {
            let head = &mut bytes[8 * KIB..][..512];
            head[12..16].copy_from_slice(&length.to_le_bytes());
            let digest = Sha256::new().chain_update(&head[..112]).chain_update(&head[128..]);
            let digest = digest.finalize();
            head[112..128].copy_from_slice(&digest[..16]);
        });
        assert_eq!(load(forged, &kept).unwrap().image[..], *b"two", "{length}");
    }
}

#[test]
fn a_changed_byte_beside_the_kept_slot_does_not_stand_in_its_way() {
    let (disk, kept) = saved(uuid(1), &[b"one", b"two"]);
    // Either copy of the mark, and the older slot.
    for offset in (0..512).chain(4 * KIB..4 * KIB + 512).chain(8 * KIB..9 * KIB) {
        let changed = with(&disk, |bytes| bytes[offset] ^= 0x10);
        assert_eq!(load(changed, &kept).unwrap().image[..], *b"two", "byte {offset}");
    }
}

#[test]
fn another_vtpms_disk_is_refused_by_its_uuid() {
    let (disk, kept) = saved(uuid(2), &[b"one"]);
    assert_eq!(error_of(load(disk, &kept)), StateDiskError::OtherUuid { disk: uuid(2) });
}

#[test]
fn a_slot_copied_from_another_vtpms_disk_is_refused_by_its_uuid() {
    let (own, _) = saved(uuid(1), &[b"one"]);
    let (other, named) = saved(uuid(2), &[b"one"]);
    let disk = with(&own, |bytes| bytes[8 * KIB..].copy_from_slice(&other.bytes()[8 * KIB..]));
    let reports = [SlotReport::OtherUuid(uuid(2)), SlotReport::Empty];
    assert_eq!(error_of(load(disk, &named)), StateDiskError::NoSlotMatches(reports));
}

#[test]
fn state_of_the_other_version_is_refused() {
    let (disk, kept) = saved(uuid(1), &[b"one"]);
    let refused = error_of(StateDisk::open(disk, uuid(1), Tpm12, &kept));
    assert_eq!(refused, StateDiskError::OtherTpm { disk: Tpm20 });
}

#[test]
fn a_blank_a_foreign_and_a_small_disk_are_told_apart() {
    let (_, kept) = saved(uuid(1), &[b"one"]);
    assert_eq!(error_of(load(blank(2 * KIB), &kept)), StateDiskError::Blank);
    let foreign = with(&blank(2 * KIB), |bytes| bytes[5] = 1);
    assert_eq!(error_of(load(foreign, &kept)), StateDiskError::Foreign);
    let small = StateDiskError::TooSmall { needs: LEAST_SECTORS, has: 1024 };
    assert_eq!(error_of(load(blank(512), &kept)), small);
}

#[test]
fn a_disk_is_blank_only_where_everything_that_a_vtpm_would_write_is_zeros() {
    let made = |disk| StateDisk::create(disk, uuid(1), Tpm20, Over::Blank).map(|_| ());
    let least = usize::try_from(LEAST_SECTORS).unwrap() * 512;
    // btrfs has its first mark at 64 KiB and 64 bytes; the last byte of what an image reaches in each slot.
    let reach = 512 + LARGEST_IMAGE_BYTES;
    for (kib, at) in [
        (2 * KIB, 65_600),
        (2 * KIB, 8 * KIB + reach - 1),
        (2 * KIB, SLOT_1),
        (2 * KIB, SLOT_1 + reach - 1),
        (16 * KIB, 8 * KIB + (16 * KIB - 8) / 2 * KIB + reach - 1),
        (least / KIB, least - 1),
    ] {
        let mut disk = with(&blank(kib), |bytes| bytes[at] = 1);
        assert_eq!(examine(&mut disk), Ok(Content::Foreign), "{kib} {at}");
        assert_eq!(made(disk), Err(StateDiskError::Foreign), "{kib} {at}");
    }
    // Nobody writes there.
    for at in [8 * KIB + reach, SLOT_1 - 1, SLOT_1 + reach] {
        assert_eq!(made(with(&blank(2 * KIB), |bytes| bytes[at] = 1)), Ok(()), "{at}");
    }
}

#[test]
fn a_disk_of_any_size_is_looked_at_in_pieces_of_64_kib_and_no_more_than_can_be_written() {
    struct Huge(u64, usize);
    impl BlockDevice for Huge {
        fn sectors(&self) -> u64 {
            self.0
        }
        fn is_read_only(&self) -> bool {
            false
        }
        fn read(&mut self, sector: u64, into: &mut [u8]) -> Result<(), BlockError> {
            assert!(into.len() <= 64 * KIB && sector + (into.len() as u64).div_ceil(512) <= self.0);
            self.1 += into.len();
            into.fill(0);
            Ok(())
        }
        fn write(&mut self, _: u64, _: &[u8]) -> Result<(), BlockError> {
            Err(BlockError::ReadOnly)
        }
        fn flush(&mut self) -> Result<(), BlockError> {
            Ok(())
        }
    }
    for (sectors, most) in [(LEAST_SECTORS, 537), (4096, 1034), (1 << 31, 1034), (u64::MAX, 1034)] {
        let mut disk = Huge(sectors, 0);
        assert_eq!(examine(&mut disk), Ok(Content::Blank));
        assert!(disk.1 <= most * KIB, "{} bytes", disk.1);
    }
}

#[test]
fn a_disk_that_was_cut_off_is_refused_and_a_larger_one_is_not() {
    let (disk, kept) = saved(uuid(1), &[b"one"]);
    let shorter = with(&disk, |bytes| bytes.truncate(1024 * KIB));
    assert_eq!(error_of(load(shorter, &kept)), StateDiskError::TooSmall { needs: 4096, has: 2048 });
    let longer = with(&disk, |bytes| bytes.resize(4096 * KIB, 0));
    assert_eq!(load(longer, &kept).unwrap().image[..], *b"one");
}

#[test]
fn a_new_tpm_is_made_only_where_no_state_is() {
    let (used, _) = saved(uuid(1), &[b"one"]);
    let make = |disk, over| StateDisk::create(disk, uuid(1), Tpm20, over).map(|_| ());
    for over in [Over::Blank, Over::Unmarked] {
        assert_eq!(make(used.clone(), over), Err(StateDiskError::Used));
    }
    let foreign = with(&blank(2 * KIB), |bytes| bytes[5] = 1);
    assert_eq!(make(foreign.clone(), Over::Blank), Err(StateDiskError::Foreign));
    assert_eq!(make(foreign, Over::Unmarked), Ok(()));
}

#[test]
fn a_first_save_that_no_manager_kept_is_in_nobodys_way_but_anothers() {
    let mut disk = StateDisk::create(blank(2 * KIB), uuid(1), Tpm20, Over::Blank).unwrap();
    disk.save(&mut FakeEntropy::new(5), &key(), b"one").unwrap();
    let mut disk = disk.into_disk();
    let unfinished = Content::Unfinished { uuid: uuid(1), tpm: Tpm20 };
    assert_eq!(examine(&mut disk).unwrap(), unfinished);
    let other = StateDisk::create(disk.clone(), uuid(2), Tpm20, Over::Unmarked);
    assert_eq!(error_of(other), StateDiskError::OtherUuid { disk: uuid(1) });
    assert!(StateDisk::create(disk, uuid(1), Tpm20, Over::Blank).is_ok());
}

#[test]
fn a_used_disk_says_what_it_is_without_a_key() {
    let (mut disk, _) = saved(uuid(1), &[b"one", b"two", b"three"]);
    let used = Content::Used { uuid: uuid(1), tpm: Tpm20, generations: [Some(3), Some(2)] };
    assert_eq!(examine(&mut disk).unwrap(), used);
}

#[test]
fn until_the_manager_answers_nothing_more_is_saved() {
    let (disk, kept) = saved(uuid(1), &[b"one"]);
    let (mut disk, _) = StateDisk::open(disk, uuid(1), Tpm20, &kept).unwrap();
    let mut entropy = FakeEntropy::new(6);
    let newer = disk.save(&mut entropy, &key(), b"two").unwrap();
    let refused = disk.save(&mut entropy, &key(), b"three").err();
    assert_eq!(refused, Some(StateDiskError::Unconfirmed));
    assert_eq!(disk.settle(None), Err(StateDiskError::ManagerNamesOther));
    assert_eq!(disk.settle(Some(&newer)), Ok(true));
    assert_eq!(disk.generation(), 2);
}

#[test]
fn a_save_that_the_manager_did_not_keep_is_written_again_beside_the_kept_one() {
    let (disk, kept) = saved(uuid(1), &[b"one"]);
    let (mut disk, _) = StateDisk::open(disk, uuid(1), Tpm20, &kept).unwrap();
    let mut entropy = FakeEntropy::new(6);
    disk.save(&mut entropy, &key(), b"two").unwrap();
    assert_eq!(disk.settle(Some(&kept)), Ok(false));
    let newer = disk.save(&mut entropy, &key(), b"2nd").unwrap();
    let disk = disk.into_disk();
    assert_eq!(load(disk.clone(), &kept).unwrap().image[..], *b"one");
    assert_eq!(load(disk, &newer).unwrap().image[..], *b"2nd");
}

#[test]
fn an_older_state_is_taken_only_by_its_number() {
    let (disk, _) = saved(uuid(1), &[b"one", b"two"]);
    let wrong = StateDisk::open_older(disk.clone(), uuid(1), Tpm20, &key(), 3).err();
    let older = |generation| SlotReport::Older { generation };
    assert_eq!(wrong, Some(StateDiskError::NoSuchGeneration([older(1), older(2)])));
    let (mut disk, loaded, named) = StateDisk::open_older(disk, uuid(1), Tpm20, &key(), 1).unwrap();
    assert_eq!((loaded.generation, &loaded.image[..]), (1, &b"one"[..]));
    disk.save(&mut FakeEntropy::new(9), &key(), b"new").unwrap();
    disk.confirm().unwrap();
    assert_eq!(disk.generation(), 3, "a number is never given twice");
    assert!(load(disk.into_disk(), &named).is_ok(), "the accepted slot was not overwritten");
}

#[test]
fn another_key_does_not_open_an_older_state() {
    let (disk, _) = saved(uuid(1), &[b"one"]);
    let refused = StateDisk::open_older(disk, uuid(1), Tpm20, &Secret::new([1; 32]), 1).err();
    let reports = [SlotReport::Unopened { generation: 1 }, SlotReport::Empty];
    assert_eq!(refused, Some(StateDiskError::NoSuchGeneration(reports)));
}

#[test]
fn an_image_that_does_not_fit_is_refused_before_anything_is_written() {
    let (disk, kept) = saved(uuid(1), &[b"one"]);
    let (mut disk, _) = StateDisk::open(disk, uuid(1), Tpm20, &kept).unwrap();
    let bytes = LARGEST_IMAGE_BYTES + 1;
    let refused = disk.save(&mut FakeEntropy::new(6), &key(), &vec![0; bytes]).err();
    let too_long = StateDiskError::ImageTooLong { bytes, most: disk.room() };
    assert_eq!((refused, disk.room()), (Some(too_long), LARGEST_IMAGE_BYTES));
    disk.save(&mut FakeEntropy::new(6), &key(), &vec![7; bytes - 1]).unwrap();
    assert!(load(disk.into_disk(), &kept).is_ok());
}

#[test]
fn the_smallest_disk_holds_the_largest_state_of_any_tpm() {
    let smallest = TracedDisk::new(vec![0; usize::try_from(LEAST_SECTORS).unwrap() * 512]);
    let mut disk = StateDisk::create(smallest, uuid(1), Tpm20, Over::Blank).unwrap();
    assert!(disk.room() >= 256 * KIB);
    disk.save(&mut FakeEntropy::new(6), &key(), &vec![7; 256 * KIB]).unwrap();
}
