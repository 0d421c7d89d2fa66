//! What a person can get wrong at the command line: one sentence that says what to type.
#![forbid(unsafe_code)]

use std::fs;
use std::process::Command;

const UUID: &str = "0f8e1a52-7c3d-4b69-9a10-5566778899aa";

/// Words, exit code, and what the one sentence says.
const MISTAKES: [(&[&str], i32, &str); 43] = [
    (&[], 2, "a command is missing; write one of list, show, new, create, "),
    (&["crate", "g.cfg"], 2, "did you mean create?"),
    (&["creat", "g.cfg"], 2, "there is no command \"creat\"; did you mean"),
    (&["create"], 2, "<FILE> is missing; write xl-vtpm create <FILE>"),
    (&["create", "mine.cfg", "other.cfg"], 2, "other.cfg is not known here"),
    (&["create", "mine.cfg", "--dryrun"], 2, "did you mean --dry-run?"),
    (&["create", "mine.cfg", "--timeout", "soon"], 2, "write a whole number"),
    (&["create", "mine.cfg", "--timeout", "0"], 2, "write a number from 1 to 3600"),
    (&["create", "mine.cfg", "--config"], 2, "--config <FILE> needs a value"),
    (&["create", "none.cfg"], 1, "none.cfg: there is no such file or folder; name the guest's xl"),
    (
        &["create", "/dev/zero"],
        1,
        "/dev/zero cannot be used (a device or a pipe is no file); name the",
    ),
    (&["create", "."], 1, ". is a folder; name the guest's xl configuration"),
    (&["attach", "g"], 2, "<VTPM> is missing; write xl-vtpm attach <GUEST> <VTPM>"),
    (
        &["attach", "g", "v"],
        1,
        "column 1: \"v\" is not a word of this line; the words are backend=",
    ),
    (&["attach", "g", "backend"], 1, "column 1: \"backend\" needs a value; write backend=…"),
    (&["attach", "g", "backend="], 1, "column 1: backend= names no domain; write backend=NAME"),
    (
        &["attach", "g", "backend=v,uuid=1"],
        1,
        "column 11: \"1\" is no uuid; write uuid= as cat /proc/sys/kernel/random/uuid",
    ),
    (&["attach", "g", "backend=v,Uuid=1"], 1, "column 11: \"Uuid\" is not a word"),
    (&["attach", "g", "backend=v,tpm=3"], 1, "column 11: there is no TPM \"3\"; write tpm=2.0"),
    (&["attach", "g", "backend=v,tpm=2.0"], 1, "leave tpm= out"),
    (&["attach", "g", "vtpm0"], 1, "column 1: \"vtpm0\" is not a word of this line; the words are"),
    (&["attach", "g", "backend:v"], 1, "the words are backend=, uuid=, tpm=2.0 and tpm=1.2"),
    (&["attach", "g", "backend=v", "uuid=1"], 2, "uuid=1 is not known here"),
    (&["attach"], 2, "<GUEST> and <VTPM> are missing; write xl-vtpm attach <GUEST> <VTPM>"),
    (&["enable", "nope"], 1, "write them with xl-vtpm new nope --guest-config FILE"),
    (
        &["new", "g", "--guest-config", "many.toml"],
        1,
        "a TOML file is given alone: vtpm-config-gen FILE",
    ),
    (
        &["new", "g", "--guest-config", "mine.cfg", "--hardware", "tpm2"],
        1,
        "write \"2.0\" or \"1.2\" or \"none\" (did you mean \"2.0\"?)",
    ),
    (&["detach", "g"], 2, "<VTPM> is missing"),
    (&["shutdown", "g", "h"], 2, "h is not known here"),
    (&["destroy"], 2, "<GUEST> is missing; write xl-vtpm destroy <GUEST>"),
    (&["manager"], 2, "missing; write one of start, stop, status behind xl-vtpm manager\n"),
    (&["service"], 2, "missing; write one of up, down, run behind xl-vtpm service\n"),
    (&["manager", "restart"], 2, "there is no command \"restart\"; did you mean"),
    (&["logs", "../x"], 1, "\"../x\" is no name of a domain; see xl-vtpm list"),
    (&["logs", "g", "--lines", "0"], 2, "write a number from 1 to 1000000"),
    (&["completion", "tcsh"], 2, "write bash or zsh or fish"),
    (
        &["new", "g"],
        2,
        "--guest-config <FILE> is missing; write xl-vtpm new --guest-config <FILE> <GUEST>",
    ),
    (&["new", "a b", "--guest-config", "mine.cfg"], 1, "write up to 80 letters, digits"),
    (&["new", "g", "--guest-config", "none.cfg"], 1, "name the guest's xl configuration"),
    (&["new", "h", "--guest-config", "mine.cfg"], 1, "mine.cfg:1:1: this is the file of \"g\""),
    (
        &["new", "g", "--guest-config", "mine.cfg", "--tpm", "2"],
        1,
        "write \"2.0\" or \"1.2\" (did you mean \"2.0\"?)",
    ),
    (
        &["new", "g", "--guest-config", "mine.cfg", "--uuid", "2"],
        1,
        "take what cat /proc/sys/kernel/random/uuid prints",
    ),
    (
        &["new", "g", "--guest-config", "mine.cfg", "--output", "mine.cfg"],
        1,
        "mine.cfg is no folder",
    ),
];

#[test]
fn every_mistake_is_one_sentence_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.cfg"), "name = 'g'\n").unwrap();
    fs::write(folder.path().join("many.toml"), "[[guest]]\nname = 'g'\n").unwrap();
    for (words, code, says) in MISTAKES {
        let mut xl_vtpm = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
        let done = xl_vtpm.args(words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.starts_with("xl-vtpm: ") && said.contains(says), "{words:?}: {said}");
        let helped = said.contains("a command is missing") && said.contains("\nCommands:\n");
        assert!(helped || said.lines().count() == 1, "{words:?}: {said}");
        assert!(done.stdout.is_empty(), "{words:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is half done");
}

#[test]
fn programs_are_told_mistakes_as_json() {
    for words in [&["list", "--json", "--what"][..], &["attach", "g", "v", "--json"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_xl-vtpm")).args(words).output().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        let error = &value["error"];
        assert_eq!(error["code"].as_i64(), done.status.code().map(i64::from), "{value}");
        assert!(error["what"].is_string() && error["message"].is_string(), "{value}");
        assert!(done.stderr.is_empty(), "{value}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("g.cfg"), "name = 'h'\n").unwrap();
    let mut new = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
    new.args(["--json", "new", "g", "--guest-config", "g.cfg"]).current_dir(folder.path());
    let done = new.output().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let at = serde_json::json!({ "file": "g.cfg", "line": 1, "column": 1 });
    assert_eq!((&value["error"]["where"], &value["error"]["code"]), (&at, &1.into()), "{value}");
    assert!(value["error"]["next"].is_string(), "{value}");
    let garbage = format!("backend=v,uuid={UUID}x");
    let done = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"))
        .args(["attach", "g", &garbage])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
}
