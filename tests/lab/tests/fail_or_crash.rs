//! What `fail` of dom0's lab-lib makes of consoles and of what xl lists.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const HEAD: &str = "Name  ID  Mem VCPUs  State  Time(s)\\nDomain-0  0 1024 1 r----- 3.5\\n";

/// The exit code and output of `before; fail "it works"` with this console of a domain called vtpm0
/// and this state of it in the list of domains.
fn fail(console: &str, state: &str, before: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("guest-vtpm0.log"), console).unwrap();
    let xl = format!("#!/bin/sh\nprintf '{HEAD}vtpm0 1 8 1 {state} 0.1\\n'\n");
    fs::write(at("xl"), xl).unwrap();
    fs::set_permissions(at("xl"), fs::Permissions::from_mode(0o755)).unwrap();
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("libraries/lab-lib");
    let script = format!(
        "PATH={0}:$PATH; . {1}; lab_consoles={0}; {before}; fail 'it works'",
        folder.path().display(),
        library.display()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn nothing_crashed_is_a_failure() {
    let (code, text) = fail("INFO: ready\r\n", "-b----", ":");
    assert_eq!((code, text.as_str()), (Some(5), "FAILURE: it works\n"));
}

#[test]
fn a_fault_on_a_console_is_a_crash_with_that_line() {
    let (code, text) = fail("INFO: ready\r\nFATAL: panic at x.rs:1:2: no\r\n", "-b----", ":");
    assert_eq!(code, Some(6));
    assert_eq!(text, "CRASH: it works - guest-vtpm0: FATAL: panic at x.rs:1:2: no\n");
    assert_eq!(fail("[    2.0] Kernel panic - not syncing: x\r\n", "-b----", ":").0, Some(6));
}

#[test]
fn the_crashed_state_without_a_reason_is_a_crash() {
    let (code, text) = fail("INFO: ready\r\n", "---sc-", ":");
    assert_eq!(code, Some(6), "{text}");
    assert!(text.contains("guest-vtpm0: it is in the crashed state"), "{text}");
    let reasoned = "ERROR: this vTPM stops: argument \"x\" is wrong\r\n";
    assert_eq!(fail(reasoned, "---sc-", ":").0, Some(5));
}

#[test]
fn a_claim_that_expects_crashes_fails_as_ever() {
    assert_eq!(fail("FATAL: asked to\r\n", "---sc-", "crash_expected=1").0, Some(5));
}
