//! The same commands on the same state give the same answers as Debian's swtpm.

mod support;

use support::*;
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmVersion};

/// How much of an answer has to be the same.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// Every byte.
    All,
    /// Code and length: the rest is random, or a signature.
    Shape,
}
use Same::{All, Shape};

const ECC_PRIMARY: &str = "8002 00000000 00000131 40000001 00000009 40000009 0000 01 0000 0004 0000 \
    0000 001a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000";

const SIGNING_PRIMARY: &str = "8002 00000000 00000131 4000000b 00000009 40000009 0000 01 0000 0004 \
    0000 0000 001a 0001 000b 00040472 0000 0010 0014 000b 0800 00000000 0000 0000 00000000";

const TPM20: &[(&str, Same)] = &[
    ("8001 00000000 00000143 01", All),
    ("8001 00000000 0000017a 00000000 00000000 0000007f", All),
    ("8001 00000000 0000017a 00000002 00000000 000000ff", All),
    ("8001 00000000 0000017a 00000005 00000000 00000001", All),
    ("8001 00000000 0000017a 00000008 00000000 0000007f", All),
    ("8001 00000000 0000017b 0020", Shape),
    ("8001 00000000 0000017e 00000001 000b 03 ffffff", All),
    (
        "8002 00000000 00000182 00000010 00000009 40000009 0000 01 0000 00000001 0004 \
      5555555555555555555555555555555555555555",
        All,
    ),
    ("8001 00000000 0000017e 00000001 0004 03 000001", All),
    (CREATE_PRIMARY_RSA, Shape),
    (ECC_PRIMARY, Shape),
    ("8001 00000000 00000173 80000000", All),
    ("8001 00000000 00000173 80000001", All),
    (SIGNING_PRIMARY, Shape),
    ("8001 00000000 00000173 80000002", All),
    (
        "8002 00000000 0000015d 80000002 00000009 40000009 0000 01 0000 0014 \
      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0014 0004 8024 40000007 0000",
        All,
    ),
    (
        "8002 00000000 00000158 80000002 00000009 40000009 0000 01 0000 0004 61626364 0010 \
      00000001 000b 03 ff0000",
        Shape,
    ),
    (
        "8002 00000000 0000012a 40000001 00000009 40000009 0000 01 0000 0000 000e 01500001 000b \
      00060006 0000 0010",
        All,
    ),
    (
        "8002 00000000 00000137 40000001 01500001 00000009 40000009 0000 01 0000 0010 \
      000102030405060708090a0b0c0d0e0f 0000",
        All,
    ),
    ("8002 00000000 0000014e 40000001 01500001 00000009 40000009 0000 01 0000 0010 0000", All),
    ("8001 00000000 00000169 01500001", All),
    ("8001 00000000 00000165 80000001", All),
    ("8001 00000000 00000165 80000001", All),
    (
        "8001 00000000 00000176 40000007 40000007 0010 11111111111111111111111111111111 0000 00 \
      0010 000b",
        Shape,
    ),
    ("8001 00000000 00000199", All),
    ("8001 00000000 0000017a 00000006", All),
    ("8002 00000000 00000126 4000000c 00000009 40000009 0000 01 0000", All),
    ("8001 00000000 00000145 0000", All),
    ("00c1 00000000 00000065 00000005 00000004 00000115", All),
];

const TPM12: &[(&str, Same)] = &[
    ("00c1 00000000 00000050", All),
    ("00c1 00000000 00000065 00000006 00000000", All),
    ("00c1 00000000 00000065 00000005 00000004 00000103", All),
    ("00c1 00000000 00000065 00000005 00000004 00000115", All),
    ("00c1 00000000 00000065 00000005 00000004 00000120", All),
    ("00c1 00000000 00000065 0000001a 00000000", All),
    ("00c1 00000000 00000065 00000004 00000004 00000108", All),
    ("00c1 00000000 00000046 00000020", Shape),
    ("00c1 00000000 00000014 0000000a 5555555555555555555555555555555555555555", All),
    ("00c1 00000000 00000015 0000000a", All),
    ("00c1 00000000 0000007c 2222222222222222222222222222222222222222", All),
    (CREATE_EK_12, Shape),
    ("00c1 00000000 0000000a", Shape),
    ("00c1 00000000 00000098", All),
    ("00c1 00000000 000000ff", All),
    ("00c2 00000000 00000014 0000000a", All),
    ("8001 00000000 0000017b 0008", All),
];

fn compare(version: TpmVersion, script: &[(&str, Same)]) {
    let _alone = alone();
    let first = LibTpms::start(StartConfig::new(version)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let Some((_swtpm, mut theirs)) = swtpm_like(&first, folder.path()) else { return };
    let mut ours = first;
    run(&mut ours, &startup(version));
    for (hex, same) in script {
        let command = command(hex);
        let our = ours.execute(Locality::ZERO, &command).unwrap();
        let their = theirs.transmit(&command).unwrap();
        assert_eq!((code(&our), our.len()), (code(&their), their.len()), "{hex}");
        if *same == All {
            assert_eq!(our, their, "{hex}");
        }
    }
}

#[test]
fn tpm20_answers_as_swtpm_does() {
    compare(TpmVersion::Tpm20, TPM20);
}

#[test]
fn tpm12_answers_as_swtpm_does() {
    compare(TpmVersion::Tpm12, TPM12);
}
