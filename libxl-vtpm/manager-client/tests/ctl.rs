//! `vtpmmgr-ctl` as a program: what needs no manager, and how it fails.

use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn ctl(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtpmmgr-ctl"));
    command.current_dir(folder).args(arguments).output().unwrap()
}

fn code(folder: &Path, arguments: &[&str]) -> Option<i32> {
    ctl(folder, arguments).status.code()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = ctl(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn state() -> String {
    ["sha256:5=", &"05".repeat(32), ",7=", &"07".repeat(32)].concat()
}

#[test]
fn a_key_is_made_for_its_owner_alone_and_approves_what_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    assert_eq!(code(here, &["policy", "new-key", "key.pem"]), Some(0));
    let mode = fs::metadata(here.join("key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(code(here, &["policy", "new-key", "key.pem"]), Some(7), "it is there already");
    let request = format!(r#"{{"state": "{}", "epoch": 3}}"#, state());
    fs::write(here.join("request.json"), request).unwrap();
    let approve = ["policy", "approve", "--key", "key.pem", "request.json"];
    let approval = json(here, &approve);
    assert_eq!(
        (approval["state"].as_str(), approval["epoch"].as_u64()),
        (Some(&*state()), Some(3))
    );
    assert_eq!(approval["signature"].as_str().map(str::len), Some(128));
    let same = ["policy", "approve", "--key", "key.pem", "--epoch", "3", "--state", &state()];
    assert_eq!(json(here, &same), approval, "deterministic, as RFC 6979 makes it");
    let told = String::from_utf8(ctl(here, &approve).stderr).unwrap();
    assert!(told.contains(&state()), "the administrator sees what is signed: {told}");
}

#[test]
fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    assert_eq!(code(here, &["policy", "new-key", "key.pem"]), Some(0));
    for (name, text) in [
        ("none.json", "hello"),
        ("stateless.json", r#"{"epoch": 3}"#),
        ("epochless.json", r#"{"state": "sha1:0=0000000000000000000000000000000000000000"}"#),
    ] {
        fs::write(here.join(name), text).unwrap();
        let output = ctl(here, &["policy", "approve", "--key", "key.pem", name]);
        assert_eq!(output.status.code(), Some(7), "{name}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(name));
    }
    let public = ["policy", "approve", "--key", "key.pem.pub", "--epoch", "1", "--state", &state()];
    assert_eq!(code(here, &public), Some(7));
    let failed = ctl(here, &["--json", "policy", "new-key", "key.pem"]);
    let told: Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert_eq!((&told["error"]["kind"], &told["error"]["code"]), (&"unusable".into(), &7.into()));
}

#[test]
fn a_policy_is_computed_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let plain = json(here, &["--json", "policy", "predict", &state()]);
    assert_eq!(plain["state"].as_str(), Some(&*state()));
    assert_eq!(plain["to_sign"], Value::Null);
    // SHA-256 over sixty-four bytes 07, from another implementation.
    let measured = format!("sha256:7={}", "07".repeat(32));
    let later = json(here, &["--json", "policy", "predict", &state(), "--extend", &measured]);
    let expected = "6cfeeb3aa25d3f411dae5eec17d7369ca7153e72dcf54bcf4c3daec0f5b21fc7";
    let expected = [&state()[..state().len() - 64], expected].concat();
    assert_eq!(later["state"].as_str(), Some(&*expected));
    assert_ne!(later["policy_digest"], plain["policy_digest"]);
    let approved = json(here, &["--json", "policy", "predict", &state(), "--epoch", "4"]);
    assert_ne!(approved["policy_digest"], plain["policy_digest"]);
    assert!(approved["to_sign"].is_string());
    let elsewhere = format!("sha256:8={}", "07".repeat(32));
    assert_eq!(code(here, &["policy", "predict", &state(), "--extend", &elsewhere]), Some(7));
}

#[test]
fn wrong_words_and_a_missing_manager_have_codes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for wrong in [
        &["policy", "recovery-key"][..],
        &["policy", "recovery-key", "--stdout", "--out", "key"],
        &["policy", "add"],
        &["policy", "add", "sha256:5=00"],
        &["policy", "reseal", "--pcrs", "md5:1"],
        &["policy", "approve", "--key", "k", "--state", &state()],
        &["accept-older", "11111111-2222-3333-4444-555555555555"],
        &["accept-older", "11111111-2222-3333-4444-555555555555", "0"],
        &["show", "1"],
        &["stats", "now"],
    ] {
        assert_eq!(code(here, wrong), Some(2), "{wrong:?}");
    }
    let absent = ["--device", "no-such-device"];
    let key = [&absent[..], &["policy", "recovery-key", "--out", "key"]].concat();
    assert_eq!(code(here, &key), Some(3));
    assert!(!here.join("key").exists(), "nothing is left without a key in it");
    assert_eq!(code(here, &[&absent[..], &["stats"]].concat()), Some(3));
    for help in [&["--help"][..], &["policy", "--help"], &["policy", "recover", "--help"]] {
        assert_eq!(code(here, help), Some(0));
    }
}

#[test]
fn the_manual_page_s_examples_run() {
    let folder = tempfile::tempdir().unwrap();
    let request = format!(r#"{{"state": "{}", "epoch": 3}}"#, state());
    fs::write(folder.path().join("request.json"), request).unwrap();
    let program = env!("CARGO_BIN_EXE_vtpmmgr-ctl");
    manual::run_examples("vtpmmgr-ctl.8", "vtpmmgr-ctl", program, folder.path());
    let approval = fs::read(folder.path().join("approval.json")).unwrap();
    assert!(serde_json::from_slice::<Value>(&approval).unwrap()["signature"].is_string());
}

/// With its standard output on a full disk, and on a pipe that nobody reads: exit codes, and what is said.
fn unheard(folder: &Path, arguments: &[&str]) -> [(Option<i32>, String); 2] {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let closed = || Stdio::from(std::io::pipe().unwrap().1);
    [full(), closed()].map(|output| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vtpmmgr-ctl"));
        command.current_dir(folder).args(arguments).stdout(output).stderr(Stdio::piped());
        let done = command.spawn().unwrap().wait_with_output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    })
}

#[test]
fn an_answer_that_nobody_hears_ends_nothing_and_one_that_is_nowhere_else_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (here, state) = (folder.path(), state());
    let [full, closed] = unheard(here, &["policy", "new-key", "key.pem"]);
    assert_eq!((full.0, here.join("key.pem.pub").exists()), (Some(0), true));
    assert!(full.1.contains("vtpmmgr-ctl: warning: standard output cannot be written"), "{full:?}");
    assert_eq!(closed.0, Some(7), "the key is there already");
    let [_, closed] = unheard(here, &["policy", "predict", &state]);
    assert_eq!(closed, (Some(0), String::new()));
    let approve = ["policy", "approve", "--key", "key.pem", "--state", &state, "--epoch", "3"];
    for (code, said) in unheard(here, &approve) {
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("vtpmmgr-ctl: standard output cannot be written; name"), "{said}");
    }
}

#[test]
fn of_a_pair_of_keys_that_cannot_be_written_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let left = || fs::read_dir(folder.path()).unwrap().count();
    // Nothing may be written, as on a full disk.
    let mut shell = Command::new("sh");
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$0\" policy new-key key.pem";
    shell.args(["-c", full, env!("CARGO_BIN_EXE_vtpmmgr-ctl")]).current_dir(folder.path());
    let done = shell.output().unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), left()), (Some(7), 0), "{said}");
    assert!(said.contains("key.pem cannot be used") && said.contains("name another"), "{said}");
    fs::write(folder.path().join("key.pem.pub"), "mine").unwrap();
    assert_eq!(code(folder.path(), &["policy", "new-key", "key.pem"]), Some(7));
    assert_eq!(left(), 1, "and no private key without its public one");
    assert_eq!(fs::read(folder.path().join("key.pem.pub")).unwrap(), b"mine");
}
