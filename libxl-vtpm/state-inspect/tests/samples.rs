//! Disks that released versions wrote, and disks of any bytes.

use domain_io::SECTOR_BYTES;
use domain_io::test_utils::TracedDisk;
use proptest::prelude::{any, prop_assert, proptest};
use proptest::test_runner::Config;
use state_inspect::{Report, SealedReport, WhatElse, inspect};
use vtpm_store::manager::SealedSecret;

const STORE: &[u8] =
    include_bytes!("../../../stubdom-images/vtpm-store/tests/samples/manager-store-v1.img");
const VTPM: &[u8] =
    include_bytes!("../../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.img");

const KIB: usize = 1024;

fn disk(bytes: &[u8], kib: usize) -> TracedDisk {
    let mut bytes = bytes.to_vec();
    bytes.resize(kib * KIB, 0);
    TracedDisk::new(bytes)
}

#[test]
fn a_store_says_its_format_its_generation_and_how_many_vtpms_it_has() {
    let report = inspect(&mut disk(STORE, 256)).unwrap();
    let json = report.json();
    assert_eq!(json["what"], "manager-store");
    assert_eq!(
        (&json["format"], &json["generation"], &json["vtpms"]),
        (&1.into(), &3.into(), &2.into())
    );
    assert_eq!((&json["counter"], &json["hardware_tpm"]), (&9.into(), &"2.0".into()));
    let text = report.to_string();
    for line in ["the manager's store, format 1", "generation     3", "vTPMs          2"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_vtpm_s_disk_says_whose_it_is_and_its_generation() {
    let report = inspect(&mut disk(VTPM, 536)).unwrap();
    let json = report.json();
    assert_eq!(json["what"], "vtpm-disk");
    assert_eq!((&json["tpm"], &json["generation"]), (&"2.0".into(), &3.into()));
    assert_eq!(json["uuid"], "11111111-1111-1111-1111-111111111111");
    assert!(report.to_string().contains("generation     3 (slots: 3, 2)"), "{report}");
}

/// Keys, hashes and blobs of the samples, none of which may be said.
#[test]
fn nothing_secret_is_said() {
    for sample in [disk(STORE, 256), disk(VTPM, 536)] {
        let report = inspect(&mut sample.clone()).unwrap();
        let said = format!("{report} {} {report:?}", report.json());
        // The samples' hash and key are runs of aa and bb, the sealed blob is the word "sealed".
        for secret in ["aaaa", "bbbb", "170, 170", "187, 187", "115, 101, 97, 108"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn what_the_disk_is_otherwise_is_said_in_one_sentence() {
    assert_eq!(inspect(&mut disk(&[], 2048)), Ok(Report::Blank));
    assert_eq!(inspect(&mut disk(&[7; 100_000], 2048)), Err(WhatElse::Neither));
    assert_eq!(inspect(&mut disk(&[7; 512], 4)), Err(WhatElse::Neither));
    assert_eq!(inspect(&mut disk(&[], 0)), Err(WhatElse::Neither));
    let mut newer = STORE.to_vec();
    newer[480] ^= 1;
    newer[4096 + 480] ^= 1;
    let error = inspect(&mut disk(&newer, 256)).unwrap_err().to_string();
    assert_eq!(error, "both copies of the store's header are damaged");
}

#[test]
fn a_sealed_secret_says_to_what_it_is_sealed() {
    for (kind, name, blob) in [
        (
            0,
            "no hardware TPM",
            &include_bytes!(
                "../../../stubdom-images/vtpm-custody/tests/samples/sealed-v1-none.bin"
            )[..],
        ),
        (
            1,
            "a TPM 1.2",
            include_bytes!(
                "../../../stubdom-images/vtpm-custody/tests/samples/sealed-v1-tpm12.bin"
            ),
        ),
        (
            2,
            "a TPM 2.0",
            include_bytes!(
                "../../../stubdom-images/vtpm-custody/tests/samples/sealed-v1-tpm20.bin"
            ),
        ),
    ] {
        let report = SealedReport::of(&SealedSecret { kind, blob: blob.to_vec() });
        assert!(report.to_string().starts_with(&format!("to {name}")), "{report}");
    }
    let unknown = SealedReport::of(&SealedSecret { kind: 2, blob: b"nonsense".to_vec() });
    assert!(unknown.to_string().starts_with("unreadable: "), "{unknown}");
}

/// Everything that would be printed.
fn words(said: Result<Report, WhatElse>) -> String {
    said.map_or_else(|error| error.to_string(), |report| format!("{report} {}", report.json()))
}

proptest! {
    #![proptest_config(Config::with_cases(100))]

    #[test]
    fn arbitrary_changes_of_a_disk_are_reported_or_refused(
        of_store in any::<bool>(),
        changes in proptest::collection::vec((0..9 * 4096_usize, any::<u8>()), 1..40),
        kib in 0..600_usize,
    ) {
        let mut bytes = if of_store { STORE } else { VTPM }.to_vec();
        bytes.resize(600 * KIB, 0);
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        bytes.truncate(kib * KIB);
        let said = inspect(&mut TracedDisk::new(bytes));
        prop_assert!(!words(said).is_empty());
    }

    #[test]
    fn arbitrary_bytes_are_reported_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..6_000),
        sectors in 0..1200_usize,
    ) {
        let mut bytes = bytes;
        bytes.resize(sectors * SECTOR_BYTES, 0);
        let said = inspect(&mut TracedDisk::new(bytes));
        prop_assert!(!words(said).is_empty());
    }

    #[test]
    fn arbitrary_sealed_bytes_are_reported_or_refused(
        kind in 0..4_u32,
        version in 1..3_u8,
        mut blob in proptest::collection::vec(any::<u8>(), 0..900),
    ) {
        // One that is known: behind any other nothing is read.
        if let Some(head) = blob.get_mut(..2) {
            head.copy_from_slice(&[version, 0]);
        }
        let said = SealedReport::of(&SealedSecret { kind, blob }).to_string();
        prop_assert!(!said.is_empty());
    }
}
