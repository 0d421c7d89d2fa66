//! What a person can get wrong at the command line: one sentence that says what to type. What is wrong with
//! a state or a key is in `program/bad_input.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Words, exit code, and what the one sentence says.
const MISTAKES: [(&[&str], i32, &str); 26] = [
    (&[], 2, "a command is missing; write one of "),
    (&["recip"], 2, "there is no command \"recip\"; did you mean recipe?"),
    (&["status"], 2, "there is no command \"status\"; "),
    (&["run"], 2, "--state <DIR> and <--key-file <FILE>|--credential <NAME>|--host-tpm"),
    (
        &["run", "--state", "s"],
        2,
        "is missing; write vtpm-proxy run --state <DIR> <--key-file <FILE>",
    ),
    (&["run", "--state"], 2, "--state <DIR> needs a value"),
    (
        &["run", "--state", "s", "--key", "k"],
        2,
        "--key is not known here; did you mean --key-file?",
    ),
    (&["run", "--state", "s", "--key-file", "k", "--tpm", "2"], 2, "write 1.2 or 2.0"),
    (
        &["run", "--state", "s", "--key-file", "k", "--credential", "c"],
        2,
        "cannot stand beside --credential <NAME>; leave one of them out",
    ),
    (&["run", "--state", "s", "--key-file", "none"], 1, "make one with: (umask 077; head -c 32"),
    (&["run", "--state", "s", "--key-file", "."], 1, ". is no file: name one with 32 bytes"),
    (
        &["run", "--state", "s", "--key-file", "short"],
        1,
        "it must hold 32 bytes, or 64 hexadecimal",
    ),
    (
        &["run", "--state", "short", "--key-file", "key"],
        1,
        "name another directory for the TPM's state",
    ),
    (&["run", "--state", "/proc/x/s", "--key-file", "key"], 1, "name another directory"),
    (
        &["run", "--state", "s", "--key-file", "key", "--banks", "sha257"],
        1,
        "\"--banks sha257\" cannot be used: write --banks with one",
    ),
    (
        &["run", "--state", "s", "--key-file", "key", "--tpm", "1.2", "--platform-open"],
        1,
        "\"--platform-open\" does not exist for a TPM 1.2: remove it",
    ),
    (&["list", "web"], 2, "web is not known here; see vtpm-proxy --help"),
    (&["recipe"], 2, "<NAME> is missing; write vtpm-proxy recipe <NAME>"),
    (
        &["recipe", "web"],
        1,
        "no TPM named web is being served; vtpm-proxy list shows those that are",
    ),
    (&["recipe", "web", "--for", "lxc"], 2, "write oci or podman or nspawn"),
    (&["stop", "web", "--timeout", "soon"], 2, "write a whole number"),
    (&["stop", "../web"], 1, "cannot be a name: use letters, digits and -_.@"),
    (
        &["relay", "--device", "none", "--wait", "0"],
        1,
        "there is no none: name the device of xen-tpmfront",
    ),
    (
        &["relay", "--device", "key", "--wait", "18446744073709551615"],
        1,
        "key is no TPM device: name the device of xen-tpmfront",
    ),
    (&["run", "--state", "s", "--host-tpm", "key"], 1, "key is no TPM device: name a TPM 2.0's"),
    (&["run", "--state", "a/b", "--key-file", "key", "--stdin"], 1, "leave --stdin out"),
];

/// Every file of a folder, with its contents; folders have none.
fn contents(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).ok())).collect();
    all.sort();
    all
}

#[test]
fn every_mistake_is_one_sentence_and_changes_nothing() {
    let (folder, entries) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, bytes) in [("key", &[7; 32][..]), ("short", &[7; 31])] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    let before = contents(folder.path());
    for (words, code, says) in MISTAKES {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-proxy"));
        program
            .args(words)
            .current_dir(folder.path())
            .env("VTPM_PROXY_RUN", entries.path())
            .stdin(Stdio::null());
        let done = program.output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.starts_with("vtpm-proxy: ") && said.contains(says), "{words:?}: {said}");
        let helped = said.contains("a command is missing") && said.contains("\nCommands:\n");
        assert!(helped || said.lines().count() == 1, "{words:?}: {said}");
        assert!(done.stdout.is_empty(), "{words:?}");
        assert!(contents(folder.path()) == before, "{words:?}: something changed");
        assert!(contents(entries.path()).is_empty(), "{words:?}: an entry is left");
    }
}
