//! What dpkg runs of the package xen-vtpm, with stand-ins for the programs that it calls, below a folder.

use super::recipe;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const PROGRAMS: [&str; 5] =
    ["deb-systemd-helper", "deb-systemd-invoke", "systemctl", "update-rc.d", "invoke-rc.d"];

/// The programs that a script called, with their words. Its paths are those below the folder.
fn called(root: &Path, script: &str, words: &[&str]) -> Vec<String> {
    let bin = root.join("bin");
    fs::create_dir_all(&bin).unwrap();
    for name in PROGRAMS {
        let text = format!("#!/bin/sh\necho \"{name} $*\" >>{}/log\n", root.display());
        fs::write(bin.join(name), text).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let text = fs::read_to_string(recipe("xen-vtpm").join(script)).unwrap();
    let top = |name: &str| format!(" {}{name}", root.display());
    let text = text.replace(" /run/", &top("/run/")).replace(" /var/log/", &top("/var/log/"));
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut shell = Command::new("sh");
    let done = shell.args(["-c", &text, script]).args(words).env("PATH", path).output().unwrap();
    assert!(done.status.success(), "{script} {words:?}: {done:?}");
    let log = fs::read_to_string(root.join("log")).unwrap_or_default();
    let _ = fs::remove_file(root.join("log"));
    log.lines().map(String::from).collect()
}

#[test]
fn after_an_upgrade_the_watch_that_runs_goes_on_with_the_new_program_under_both_init_systems() {
    let root = tempfile::tempdir().unwrap();
    let restarts = |calls: &[String]| -> Vec<String> {
        calls.iter().filter(|call| call.contains("restart")).cloned().collect()
    };
    let fresh = called(root.path(), "postinst", &["configure", ""]);
    assert!(
        restarts(&fresh).is_empty()
            && fresh.iter().any(|call| call == "update-rc.d xl-vtpm defaults")
    );
    let upgraded = called(root.path(), "postinst", &["configure", "0.1"]);
    assert_eq!(restarts(&upgraded), ["invoke-rc.d xl-vtpm-watch restart"]);
    fs::create_dir_all(root.path().join("run/systemd/system")).unwrap();
    let upgraded = called(root.path(), "postinst", &["configure", "0.1"]);
    assert_eq!(restarts(&upgraded), ["systemctl try-restart xl-vtpm-watch.service"]);
}

#[test]
fn logs_go_when_the_package_is_purged_and_not_before() {
    let root = tempfile::tempdir().unwrap();
    let (logs, log) = ("var/log/xen/vtpm", "var/log/xen/xl-vtpm-watch.log");
    fs::create_dir_all(root.path().join(logs)).unwrap();
    for file in [log, "var/log/xen/xl-g1.log", "var/log/xen/vtpm/guest-vtpmmgr.log"] {
        fs::write(root.path().join(file), "").unwrap();
    }
    let there = || [logs, log, "var/log/xen/xl-g1.log"].map(|it| root.path().join(it).exists());
    called(root.path(), "postrm", &["remove"]);
    assert_eq!(there(), [true; 3]);
    called(root.path(), "postrm", &["purge"]);
    assert_eq!(there(), [false, false, true]);
}
