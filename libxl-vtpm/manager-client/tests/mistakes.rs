//! What a person can get wrong at the command line: one sentence that says what to type.
#![forbid(unsafe_code)]

use std::fs;
use std::process::Command;

const UUID: &str = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";
const STATE: &str = "sha1:7=0707070707070707070707070707070707070707";

/// Words, exit code, and what the one sentence says.
const MISTAKES: [(&[&str], i32, &str); 33] = [
    (&[], 2, "a command is missing; write one of "),
    (&["lst"], 2, "did you mean list?"),
    (&["show"], 2, "<UUID> is missing; write vtpmmgr-ctl show <UUID>"),
    (&["show", "1"], 2, "\"1\" cannot be <UUID>; write it as in 0f8e1a52-"),
    (&["new", UUID, "--tpm", "2"], 2, "write 1.2 or 2.0"),
    (&["new", UUID, "--group", "x"], 2, "write a whole number"),
    (&["accept-older", UUID], 2, "GENERATION"),
    (&["accept-older", UUID, "0"], 2, "\"0\" cannot be [GENERATION]"),
    (&["policy"], 2, "behind vtpmmgr-ctl policy\n"),
    (
        &["policy", "add", "foo"],
        2,
        "\"foo\" cannot be <STATE>...; it names no PCR of a bank; write a state as in sha256:5=HEX,7=HEX \
         (vtpmmgr-ctl policy show prints the present one)",
    ),
    (
        &["policy", "add", "sha257:5=00"],
        2,
        "a bank is none of sha1, sha256, sha384, sha512; write a state",
    ),
    (
        &["policy", "predict", "--extend", "7=00"],
        2,
        "it names no PCR of a bank; write a state as in",
    ),
    (
        &[
            "policy",
            "predict",
            STATE,
            "--extend",
            "sha1:5=0505050505050505050505050505050505050505",
        ],
        7,
        "extends no PCR of sha1:7; name one of them",
    ),
    (&["policy", "reseal", "--pcrs", "5,7"], 2, "it selects nothing; write it as in sha256:5,7"),
    (
        &["--device", "/dev/null", "list"],
        3,
        "/dev/null is no TPM device; name one such as /dev/tpm1",
    ),
    (&["--device", "/dev/zero", "list"], 3, "/dev/zero is no TPM device"),
    (&["show", "guest1"], 2, "write it as in 0f8e1a52-"),
    (&["new", UUID, "--tpm2"], 2, "did you mean --tpm?"),
    (&["policy", "add", "sha256:5=00"], 2, "write a state as in sha256:5=HEX"),
    (&["policy", "reseal", "--pcrs", "sha256:99"], 2, "write it as in sha256:5,7"),
    (&["policy", "recovery-key"], 2, "<--out <FILE>|--stdout> is missing"),
    (&["policy", "recovery-key", "--stdout", "--out", "k"], 2, "leave one of them out"),
    (&["--device", "none", "list"], 3, "none: there is no such device; leave --device out"),
    (&["--device", "mine", "list"], 3, "mine is no TPM device; name one such as /dev/tpm1"),
    (&["list"], 3, "modprobe xen-tpmfront"),
    (&["policy", "new-key", "none/key"], 7, "name a new file, in a folder that is there"),
    (&["policy", "new-key", "mine"], 7, "mine is there already; name a new file"),
    (&["policy", "approve", "--key", "none", "request.json"], 7, "there is no such file"),
    (
        &["policy", "approve", "--key", "mine", "request.json"],
        7,
        "name FILE that vtpmmgr-ctl policy",
    ),
    (
        &["policy", "approve", "--key", "mine", "mine"],
        7,
        "mine:2:3: this is no JSON; name a file that",
    ),
    (&["policy", "approve", "--key", "mine", "bytes"], 7, "bytes:1:1: a byte here is no text"),
    (
        &["policy", "approve", "--key", "mine", "half.json"],
        7,
        "half.json: it has no \"epoch\"; name",
    ),
    (&["policy", "approve", "--key", "mine", "--state", STATE], 2, "--epoch <EPOCH> is missing"),
];

#[test]
fn every_mistake_is_one_sentence_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("mine", b"[\n  x]\n");
    write("bytes", b"\xff");
    write("half.json", format!(r#"{{"state": "{STATE}"}}"#).as_bytes());
    write("request.json", format!(r#"{{"state": "{STATE}", "epoch": 3}}"#).as_bytes());
    for (words, code, says) in MISTAKES {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vtpmmgr-ctl"));
        let done = program.args(words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.starts_with("vtpmmgr-ctl: ") && said.contains(says), "{words:?}: {said}");
        let helped = said.contains("a command is missing") && said.contains("\nCommands:\n");
        assert!(helped || said.lines().count() == 1, "{words:?}: {said}");
    }
    assert_eq!(
        fs::read(folder.path().join("mine")).unwrap(),
        b"[\n  x]\n",
        "no file is written to"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is half done");
}

#[test]
fn the_help_says_where_an_error_goes_with_json() {
    let run = |words: &[&str]| {
        let program = Command::new(env!("CARGO_BIN_EXE_vtpmmgr-ctl")).args(words).output();
        program.map(|done| (done.stdout, done.stderr)).unwrap()
    };
    let (error, nothing) = run(&["--json", "--device", "/dev/null", "list"]);
    assert!(nothing.is_empty() && error.starts_with(b"{"));
    let help = String::from_utf8(run(&["--help"]).0).unwrap();
    assert!(help.contains("an error is an object on standard output"), "{help}");
}
