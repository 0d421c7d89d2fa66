//! A vTPM's disk loses power at every write and flush, before and after the manager's answer.

mod support;

use domain_io::BlockDevice;
use domain_io::test_utils::{FakeEntropy, Step, TracedDisk};
use std::collections::BTreeSet;
use support::{Choices, KIB, blank, uuid};
use tpm_wire::TpmVersion::Tpm20;
use vtpm_store::state_disk::{Content, Over, SlotReport, StateDisk, StateDiskError, examine};
use vtpm_store::{HashKey, Secret};

fn key() -> Secret {
    Secret::new([0x4b; 32])
}

fn image(round: usize) -> Vec<u8> {
    vec![u8::try_from(round).unwrap(); 700 + 400 * (round % 4)]
}

/// What the manager keeps, and from where in the trace on.
struct Kept {
    from: usize,
    round: usize,
    hash_key: HashKey,
}

/// A vTPM's life: its disk, and what the manager kept when.
fn live(rounds: usize) -> (TracedDisk, Vec<Kept>) {
    let mut entropy = FakeEntropy::new(5);
    let disk = blank(2 * KIB);
    let trace = disk.trace();
    let mut disk = StateDisk::create(disk, uuid(1), Tpm20, Over::Blank).unwrap();
    let mut kept = Vec::new();
    for round in 0..rounds {
        let hash_key = disk.save(&mut entropy, &key(), &image(round)).unwrap();
        kept.push(Kept { from: trace.len(), round, hash_key });
        disk.confirm().unwrap();
    }
    (disk.into_disk(), kept)
}

/// The vTPM starts again on a disk after a cut, with what its manager keeps.
fn restart(mut disk: TracedDisk, kept: Option<&Kept>, place: usize) {
    let mut entropy = FakeEntropy::new(place as u64);
    let Some(kept) = kept else {
        let content = examine(&mut disk).unwrap();
        assert!(matches!(content, Content::Blank | Content::Unfinished { .. }), "{content:?}");
        StateDisk::create(disk, uuid(1), Tpm20, Over::Blank).unwrap();
        return;
    };
    let (mut opened, loaded) = StateDisk::open(disk, uuid(1), Tpm20, &kept.hash_key)
        .unwrap_or_else(|why| panic!("cut at {place}: {why}"));
    assert_eq!(loaded.image[..], image(kept.round), "cut at {place}");
    let next = opened.save(&mut entropy, &key(), b"next").unwrap();
    let disk = opened.into_disk();
    for named in [&kept.hash_key, &next] {
        StateDisk::open(disk.clone(), uuid(1), Tpm20, named).unwrap();
    }
}

#[test]
fn no_cut_loses_a_state_that_the_manager_kept() {
    let (disk, kept) = live(40);
    let mut choices = Choices(3);
    let mut cuts = 0;
    disk.each_cut(|cut| {
        let one = choices.place(cut.pending());
        let disks = [
            cut.disk(|_| true),
            cut.disk(|_| false),
            cut.disk(|at| at != one),
            cut.disk(|at| at == one),
            cut.disk(|_| choices.below(2) == 0),
            cut.disk(|_| choices.below(2) == 0),
        ];
        let known = kept.iter().filter(|kept| kept.from <= cut.place).count();
        // at the very place where a save ended the manager may have kept it, or not yet
        let just_saved = kept.iter().any(|kept| kept.from == cut.place);
        for known in known - usize::from(just_saved)..=known {
            for disk in &disks {
                let kept = known.checked_sub(1).map(|last| &kept[last]);
                restart(disk.clone(), kept, cut.place);
                cuts += 1;
            }
        }
    });
    assert!(cuts >= 1000, "only {cuts} cuts");
}

/// A key encrypts one text only: each slot that was ever written has a salt of its own.
#[test]
fn no_salt_is_written_twice() {
    let (disk, _) = live(40);
    let mut salts = BTreeSet::new();
    for step in disk.trace().steps() {
        if let Step::Write(_, bytes) = step
            && bytes.starts_with(b"vTPMslot")
        {
            assert!(salts.insert(bytes[64..96].to_vec()));
        }
    }
    assert_eq!(salts.len(), 40);
}

#[test]
fn no_changed_byte_of_the_kept_slot_is_loaded() {
    let (disk, kept) = live(2);
    let kept = kept.last().unwrap();
    let start = (8 + (2048 - 8) / 2) * KIB;
    for offset in (0..512).chain(start..start + 512 + image(1).len()) {
        let (mut disk, mut sector) = (disk.restarted(), [0; 512]);
        let number = (offset / 512) as u64;
        disk.read(number, &mut sector).unwrap();
        sector[offset % 512] ^= 0x10;
        disk.write(number, &sector).unwrap();
        match StateDisk::open(disk, uuid(1), Tpm20, &kept.hash_key) {
            Ok((_, loaded)) => {
                assert!(offset < 512, "byte {offset} was not noticed");
                assert_eq!(loaded.image[..], image(1));
            }
            Err(StateDiskError::NoSlotMatches([SlotReport::Older { generation: 1 }, _])) => {
                assert!(offset >= 512);
            }
            Err(other) => panic!("byte {offset}: {other}"),
        }
    }
}
