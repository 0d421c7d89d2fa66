//! What a person can get wrong at the command line; mistakes in the TOML file are tested beside the code.
#![forbid(unsafe_code)]

use std::fs;
use std::process::Command;

/// Words, exit code, and what the one sentence says.
const MISTAKES: [(&[&str], i32, &str); 18] = [
    (&[], 2, "<FILE.toml> is missing; write vtpm-config-gen <FILE.toml>"),
    (&["none.toml"], 1, "none.toml: there is no such file or folder; name a TOML file"),
    (
        &["/dev/zero"],
        1,
        "/dev/zero cannot be used (a device or a pipe is no file); name a TOML file",
    ),
    (
        &["--guest", "g", "--guest-config", "/dev/zero"],
        1,
        "a pipe is no file); name the guest's xl configuration",
    ),
    (&["."], 1, ". is a folder; name a TOML file"),
    (&["bytes.toml"], 1, "bytes.toml:2:1: a byte here is no text (UTF-8)"),
    (
        &["g.cfg"],
        1,
        "g.cfg is an xl configuration by its name, and no TOML; to add a vTPM to it, type vtpm-config-gen \
         --guest NAME --guest-config g.cfg",
    ),
    (&["--guest", "g", "--guest-config", "mine.toml"], 1, "a TOML file is given alone"),
    (
        &["--guest", "g", "--guest-config", "bad.cfg"],
        1,
        "bad.cfg:1:18: \"tmp=\" is not a word of this line",
    ),
    (
        &["mine.toml", "--output", "/proc/none"],
        1,
        "cannot write into /proc/none; name another folder by --output",
    ),
    (&["mine.toml", "--forced"], 2, "did you mean --force?"),
    (&["mine.toml", "--guest", "g"], 2, "cannot stand beside --guest <NAME>; leave one of them"),
    (&["--guest-config", "g.cfg"], 2, "--guest <NAME> and <FILE.toml> are missing"),
    (&["--guest", "g", "--guest-config", "none.cfg"], 1, "name the guest's xl configuration"),
    (
        &["--guest", "g", "--guest-config", "g.cfg", "--tpm", "2"],
        1,
        "there is no TPM \"2\"; write \"2.0\" or \"1.2\" (did you mean \"2.0\"?)",
    ),
    (
        &["--guest", "g", "--guest-config", "g.cfg", "--hardware", "2"],
        1,
        "there is no hardware TPM \"2\"; write \"2.0\" or \"1.2\" or \"none\" (did you mean \"2.0\"?)",
    ),
    (
        &["--guest", "g"],
        1,
        "nothing to boot; name its xl configuration with config= or --guest-config",
    ),
    (&["mine.toml", "--output", "bytes.toml"], 1, "bytes.toml is no folder; name one by --output"),
];

#[test]
fn every_mistake_is_one_sentence_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bytes.toml"), b"# one\n\xff\n").unwrap();
    fs::write(folder.path().join("g.cfg"), "name='g'\n").unwrap();
    fs::write(folder.path().join("bad.cfg"), "vtpm=['backend=v,tmp=2.0']\n").unwrap();
    fs::write(folder.path().join("mine.toml"), "[[guest]]\nname='g'\nkernel='/k'\n").unwrap();
    for (words, code, says) in MISTAKES {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-config-gen"));
        let done = program.args(words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.starts_with("vtpm-config-gen: ") && said.contains(says), "{words:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{words:?}: {said}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is half done");
}

#[test]
fn files_are_written_whether_or_not_somebody_can_hear_of_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), "[[guest]]\nname='g'\nkernel='/k'\n").unwrap();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-config-gen"));
    let program = program.arg("mine.toml").current_dir(folder.path()).stdout(full);
    assert!(program.status().unwrap().success());
    assert!(folder.path().join("g-vtpm.cfg").exists());
}
