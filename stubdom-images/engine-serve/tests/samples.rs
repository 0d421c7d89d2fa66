//! Files that an earlier release wrote are read, for ever.

mod program;

use program::{Program, bytes};
use std::fs;
use std::path::PathBuf;

const READ_COUNTER: &str = "8002 00000023 0000014e 40000001 01500001 00000009 40000009 0000 01 \
    0000 0008 0000";
const ECC_PRIMARY: &str = "8002 00000043 00000131 40000001 00000009 40000009 0000 01 0000 0004 0000 \
    0000 001a 0023 000b 00030472 0000 0006 0080 0043 0010 0003 0010 0000 0000 0000 00000000";
const READ_PUBEK: &str = "00c1 0000001e 0000007c 2222222222222222222222222222222222222222";

/// A sample and what a TPM that starts from it must answer somewhere in its response.
struct Sample {
    tpm: &'static str,
    file: &'static str,
    asks: &'static [(&'static str, &'static str)],
}

const STATES: [Sample; 2] = [
    Sample {
        tpm: "1.2",
        file: "state-1-tpm12",
        asks: &[(READ_PUBEK, "81e2e3309afba3f1b9f43ad763e4e6621029ca8e1489ca3b712fdb8286407baa")],
    },
    Sample {
        tpm: "2.0",
        file: "state-1-tpm20",
        asks: &[
            (READ_COUNTER, "0008 0000000000000001"),
            (ECC_PRIMARY, "93a9756a7a5e1027a21ccd581b300921167d53a92f4b9e6b0f5504ed26a0b092"),
        ],
    },
];

/// PCR 16 was extended before each was suspended.
const SUSPENDED: [Sample; 2] = [
    Sample {
        tpm: "1.2",
        file: "suspended-1-tpm12",
        asks: &[("00c1 0000000e 00000015 00000010", "9a358ce8edebe73994f50df546215801d488f049")],
    },
    Sample {
        tpm: "2.0",
        file: "suspended-1-tpm20",
        asks: &[(
            "8001 00000014 0000017e 00000001 000b 03 000001",
            "ee4b0e933b56cdf12a42b1e3f3b9ed1aa70cf9f3cf37325693255c8bfbcb8ba8",
        )],
    },
];

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

fn check(program: &Program, asks: &[(&str, &str)]) {
    for (command, expected) in asks {
        let response = program.connect().ask(&bytes(command));
        let expected = bytes(expected);
        let found = response.windows(expected.len()).any(|window| window == expected);
        assert!(found, "{command} -> {response:02x?}");
    }
}

#[test]
fn states_of_format_1_are_read() {
    for Sample { tpm, file, asks } in STATES {
        let program = Program::start_on(tpm, &sample(file), &["--startup", "clear"]);
        check(&program, asks);
    }
}

#[test]
fn suspended_tpms_of_format_1_are_resumed() {
    for (state, Sample { tpm, file, asks }) in STATES.into_iter().zip(SUSPENDED) {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("suspended");
        fs::copy(sample(file), &copy).unwrap();
        let resume = ["--resume-from", copy.to_str().unwrap()];
        let program = Program::start_on(tpm, &sample(state.file), &resume);
        check(&program, asks);
    }
}
