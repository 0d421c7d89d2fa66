//! Disks whose digests are right and whose fields say anything: what a writer of bytes can make.

use domain_io::test_utils::TracedDisk;
use proptest::prelude::{Strategy, any, prop_assert, proptest};
use proptest::test_runner::Config;
use sha2::{Digest, Sha256};
use state_inspect::inspect;

const STORE: &[u8] =
    include_bytes!("../../../stubdom-images/vtpm-store/tests/samples/manager-store-v1.img");
const VTPM: &[u8] =
    include_bytes!("../../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.img");

/// Where a digest stands, how much of it, and which ranges it covers.
type Covered = (usize, usize, Vec<(usize, usize)>);

/// Header copies, sealed secrets and roots of a store (docs/formats/manager-store.md).
fn of_store(bytes: &[u8]) -> Vec<Covered> {
    let page = |number: usize| number * 4096;
    let header = |at: usize| (at + 480, 32, vec![(at, at + 480)]);
    let root = |at: usize| (at + 112, 16, vec![(at, at + 112), (at + 128, at + 4096)]);
    let sealed = |at: usize| {
        let field: [u8; 4] = bytes[at + 20..at + 24].try_into().unwrap();
        let blob = usize::try_from(u32::from_le_bytes(field)).unwrap().min(8128);
        (at + 32, 32, vec![(at, at + 32), (at + 64, at + 64 + blob)])
    };
    vec![header(0), header(page(1)), sealed(page(2)), sealed(page(4)), root(page(6)), root(page(7))]
}

/// Copies of the mark and heads of slots (docs/formats/vtpm-disk.md), the slots of the least size.
fn of_vtpm(_: &[u8]) -> Vec<Covered> {
    let mark = |at: usize| (at + 480, 32, vec![(at, at + 480)]);
    let slot = |at: usize| (at + 112, 16, vec![(at, at + 112), (at + 128, at + 512)]);
    vec![mark(0), mark(8 * 512), slot(16 * 512), slot((16 + 520) * 512)]
}

/// A byte of a structure, near its beginning, where the fields are.
fn changes() -> impl Strategy<Value = Vec<(usize, usize, u8)>> {
    proptest::collection::vec((0..6_usize, 8..64_usize, any::<u8>()), 1..12)
}

fn changed(
    sample: &[u8],
    covered: fn(&[u8]) -> Vec<Covered>,
    changes: &[(usize, usize, u8)],
) -> TracedDisk {
    let mut bytes = sample.to_vec();
    bytes.resize(600 * 1024, 0);
    for (which, at, byte) in changes {
        let structures = covered(&bytes);
        let (_, _, ranges) = &structures[which % structures.len()];
        let (start, _) = ranges[0];
        bytes[start + at] = *byte;
    }
    for (at, length, ranges) in covered(&bytes) {
        let digest = ranges
            .iter()
            .fold(Sha256::new(), |sum, (from, to)| sum.chain_update(&bytes[*from..*to]));
        bytes[at..at + length].copy_from_slice(&digest.finalize()[..length]);
    }
    TracedDisk::new(bytes)
}

fn said(disk: &mut TracedDisk) -> String {
    inspect(disk)
        .map_or_else(|error| error.to_string(), |report| format!("{report}{}", report.json()))
}

#[test]
fn unchanged_samples_have_these_digests() {
    assert!(said(&mut changed(STORE, of_store, &[])).contains("\"vtpms\":2"));
    assert!(said(&mut changed(VTPM, of_vtpm, &[])).contains("\"generation\":3"));
}

proptest! {
    #![proptest_config(Config::with_cases(300))]

    #[test]
    fn a_store_of_any_fields_is_reported_or_refused(changes in changes()) {
        prop_assert!(!said(&mut changed(STORE, of_store, &changes)).is_empty());
    }

    #[test]
    fn a_vtpm_s_disk_of_any_fields_is_reported_or_refused(changes in changes()) {
        prop_assert!(!said(&mut changed(VTPM, of_vtpm, &changes)).is_empty());
    }
}
