//! `hotplug/block-vtpm`, with stand-ins for xl-vtpm, xenstore-write and the stock script `block`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

struct Dom0 {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// A program that is being written cannot be run; a child that another test has just forked would still have it
/// open for writing.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

impl Dom0 {
    /// A domain 0 where `xl-vtpm hotplug` does this.
    fn new(xl_vtpm: &str) -> Self {
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let dom0 = Self { folder: tempfile::tempdir().unwrap(), _alone };
        dom0.program("xl-vtpm", &format!("echo \"xl-vtpm $*\" >>\"$LOG\"\n{xl_vtpm}"));
        dom0.program("xenstore-write", "echo \"xenstore-write $*\" >>\"$LOG\"");
        dom0.program("block", "echo \"block $* $XENBUS_PATH\" >>\"$LOG\"\nexit 7");
        dom0
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, word: &str, path: &str) -> (Output, String) {
        let log = self.folder.path().join("log");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hotplug/block-vtpm");
        let mut program = Command::new(script);
        let search = format!("{}:/usr/bin:/bin", self.folder.path().display());
        program.arg(word).env("PATH", search).env("LOG", &log).env("XENBUS_PATH", path);
        let done = program.env("XEN_SCRIPT_DIR", self.folder.path()).output().unwrap();
        (done, fs::read_to_string(log).unwrap_or_default())
    }
}

const DISK: &str = "backend/vbd/17/51712";

#[test]
fn the_guest_s_vtpm_is_started_and_then_the_stock_script_takes_over() {
    let (done, log) = Dom0::new("true").run("add", DISK);
    assert_eq!(log, format!("xl-vtpm hotplug 17\nblock add {DISK}\n"));
    assert_eq!(done.status.code(), Some(7), "its exit code is the stock script's");
}

#[test]
fn a_disk_that_goes_starts_nothing() {
    let (done, log) = Dom0::new("false").run("remove", DISK);
    assert_eq!(log, format!("block remove {DISK}\n"));
    assert_eq!(done.status.code(), Some(7));
}

#[test]
fn a_vtpm_that_does_not_start_fails_the_disk_and_libxl_is_told_why() {
    let (done, log) = Dom0::new("echo; echo 'xl-vtpm: no manager' >&2; exit 1").run("add", DISK);
    assert_eq!(done.status.code(), Some(1));
    assert!(!log.contains("block add"), "{log}");
    let told = "hotplug-error the guest's vTPM could not be started: no manager";
    assert!(log.contains(told) && log.contains("hotplug-status error"), "{log}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("no manager"));
    let said = "printf '%s\\n' 'xl-vtpm: warning: w' 'xl-vtpm: a cause' '  libxl: error: more' >&2; exit 1";
    let (done, log) = Dom0::new(said).run("add", DISK);
    let told = format!("could not be started: a cause {DISK}/hotplug-status error");
    assert!(log.contains(&told), "{log}");
    assert!(String::from_utf8_lossy(&done.stderr).contains("\n  libxl: error: more\n"));
}

#[test]
fn whoever_kills_xl_vtpm_ends_the_start_of_the_guest_and_it_is_said() {
    let (done, log) = Dom0::new("kill -9 $$").run("add", DISK);
    assert_eq!(done.status.code(), Some(1));
    assert!(!log.contains("block add"), "{log}");
    assert!(log.contains("xl-vtpm was killed") && log.contains("hotplug-status error"), "{log}");
}

/// libxl kills a script that takes too long: what it has not removed by then stays.
#[test]
fn no_temporary_file_is_there_while_xl_vtpm_runs() {
    let dom0 = Dom0::new("");
    let temporary = dom0.folder.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let temporary = temporary.display();
    dom0.program("mktemp", &format!("exec /usr/bin/mktemp -p {temporary} \"$@\""));
    dom0.program("xl-vtpm", &format!("echo said; echo files: $(ls {temporary}) >>\"$LOG\""));
    let (done, log) = dom0.run("add", DISK);
    assert_eq!(log, format!("files:\nblock add {DISK}\n"));
    assert_eq!(String::from_utf8_lossy(&done.stderr), "said\n");
}

#[test]
fn what_is_no_guest_s_disk_is_refused() {
    for path in ["backend/vbd//51712", "backend/vbd/x/51712", "backend/vif/17/0", "17"] {
        let (done, log) = Dom0::new("true").run("add", path);
        assert_eq!(done.status.code(), Some(1), "{path}");
        assert!(!log.contains("xl-vtpm hotplug") && !log.contains("block add"), "{log}");
    }
}
