//! `hotplug/vtpm-rewire` against stand-ins for xl and xenstore, where it can be cut short at will.
//! What xl and xenstore really do is shown in the lab.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const VTPM: u32 = 2;
const GUEST: u32 = 3;
const MANAGER: u32 = 4;

/// A domain 0 whose manager was domain 1 and is domain 4 now.
struct Dom0 {
    folder: TempDir,
}

impl Dom0 {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rewire/stand-in");
        for name in ["xl", "xenstore-read", "xenstore-list", "xenstore-write", "xenstore-rm"] {
            symlink(&stand_in, folder.path().join(name)).unwrap();
        }
        let dom0 = Self { folder };
        for (number, name) in
            [(0, "Domain-0"), (VTPM, "vtpm1"), (GUEST, "g1"), (MANAGER, "vtpmmgr")]
        {
            dom0.set(&format!("/local/domain/{number}/name"), name);
            dom0.set(&format!("/local/domain/{number}/vm"), &format!("/vm/{number}"));
        }
        dom0.set(&format!("/local/domain/{MANAGER}/data/vtpmmgr/state"), "ready");
        dom0.device(0, 1, "vtpmmgr");
        dom0.device(VTPM, 1, "vtpmmgr");
        dom0.device(GUEST, 9, "vtpm7");
        dom0
    }

    fn path(&self, node: &str) -> PathBuf {
        self.folder.path().join(node.trim_start_matches('/'))
    }

    fn set(&self, node: &str, value: &str) {
        fs::create_dir_all(self.path(node)).unwrap();
        fs::write(self.path(node).join(".value"), format!("{value}\n")).unwrap();
    }

    /// A device of this domain, as libxl leaves it; the backend's own nodes are gone with the backend.
    fn device(&self, domain: u32, backend: u32, name: &str) {
        let node = format!("/libxl/{domain}/device/vtpm/0");
        self.set(
            &format!("{node}/backend"),
            &format!("/local/domain/{backend}/backend/vtpm/{domain}/0"),
        );
        self.set(&format!("{node}/uuid"), &format!("uuid-{domain}"));
        self.set(&format!("/config/{domain}"), name);
    }

    fn rewire(&self, words: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hotplug/vtpm-rewire");
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(script);
        command.args(words).env("PATH", path).env("DOM0", self.folder.path());
        command.env("VTPM_REWIRE_LOCK", self.folder.path().join("lock"));
        command.output().unwrap()
    }

    /// A run with this exit code; what it said.
    fn run(&self, code: i32, words: &[&str]) -> String {
        let output = self.rewire(words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    }

    /// The calls of xl that change something, since the last time, in order for each domain.
    fn changes(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        let changes = calls.lines().filter(|call| call.starts_with("xl vtpm-"));
        let mut changes: Vec<String> = changes.map(String::from).collect();
        // Domains are rewired side by side.
        changes.sort_by_key(|call| call.split(' ').nth(2).map(String::from));
        changes
    }
}

fn rewiring(domain: u32) -> [String; 2] {
    [
        format!("xl vtpm-detach {domain} 0"),
        format!("xl vtpm-attach {domain} uuid=uuid-{domain} backend=vtpmmgr"),
    ]
}

#[test]
fn the_managers_devices_are_attached_anew_and_a_guest_whose_vtpm_is_gone_is_left_alone() {
    let dom0 = Dom0::new();
    let dry = dom0.run(0, &["--dry-run"]);
    assert_eq!(dom0.changes(), [""; 0]);
    let said = dom0.run(0, &[]);
    let expected = [rewiring(0), rewiring(VTPM)].concat();
    assert_eq!(dom0.changes(), expected);
    assert!(expected.iter().all(|call| dry.contains(&format!("would run: {call}\n"))), "{dry}");
    let count = "vtpm-rewire: 2 would be rewired, 0 already connected; nothing was changed\n";
    assert!(dry.ends_with(count), "{dry}");
    assert!(said.contains("rewired: vtpm1 (domain 2): device 0 to vtpmmgr (domain 4)"), "{said}");
    assert!(said.contains("left alone: g1 (domain 3): device 0: its backend, vtpm7,"), "{said}");
    let again = dom0.run(0, &[]);
    assert!(again.ends_with("0 rewired, 2 already connected, 0 failed\n"), "{again}");
    let dry = dom0.run(0, &["--dry-run"]);
    let count = "vtpm-rewire: 0 would be rewired, 2 already connected; nothing was changed\n";
    assert_eq!(dry.lines().last(), Some(count.trim_end()), "{dry}");
    assert_eq!(dom0.changes(), [""; 0]);
}

#[test]
fn a_run_killed_between_detach_and_attach_is_finished_by_the_next() {
    let dom0 = Dom0::new();
    dom0.run(0, &[]);
    dom0.device(VTPM, 1, "vtpmmgr");
    fs::write(dom0.path("kill"), "").unwrap();
    dom0.changes();
    assert_eq!(dom0.rewire(&[]).status.code(), None, "it was killed");
    assert_eq!(dom0.changes(), [rewiring(VTPM)[0].clone()]);
    let dry = dom0.run(0, &["--dry-run"]);
    assert!(dry.contains(&format!("would run: {}\n", rewiring(VTPM)[1])), "{dry}");
    assert!(dry.contains(": 1 would be rewired, 1 already connected; nothing was"), "{dry}");
    let said = dom0.run(0, &[]);
    assert!(said.ends_with("1 rewired, 1 already connected, 0 failed\n"), "{said}");
    assert_eq!(dom0.changes(), [rewiring(VTPM)[1].clone()]);
    assert!(!dom0.path("tool/vtpm-rewire").exists(), "nothing is left under way");
}

#[test]
fn a_note_about_a_domain_that_is_another_one_now_is_forgotten() {
    let dom0 = Dom0::new();
    dom0.run(0, &[]);
    dom0.changes();
    dom0.set(&format!("/tool/vtpm-rewire/{GUEST}/uuid-2"), "/vm/another");
    dom0.set("/tool/vtpm-rewire/77/uuid-2", "/vm/77");
    dom0.run(0, &[]);
    assert_eq!(dom0.changes(), [""; 0]);
    assert!(!dom0.path("tool/vtpm-rewire").exists());
}

#[test]
fn a_refused_device_is_reported_with_the_managers_reason_and_tried_anew_by_the_next_run() {
    let dom0 = Dom0::new();
    dom0.run(0, &[]);
    dom0.device(VTPM, 1, "vtpmmgr");
    dom0.set("/local/domain/4/error/backend/vtpm/2/0/error", "uuid-2 is in use by somebody");
    fs::write(dom0.path("answer"), "6").unwrap();
    let said = dom0.run(1, &[]);
    assert!(said.contains("vtpm1 (domain 2): device 0 is attached and not connected"), "{said}");
    assert!(said.contains("uuid-2 is in use by somebody"), "{said}");
    fs::remove_file(dom0.path("answer")).unwrap();
    assert!(dom0.run(0, &[]).ends_with("1 rewired, 1 already connected, 0 failed\n"));
}

#[test]
fn without_a_manager_that_is_ready_nothing_is_touched() {
    let dom0 = Dom0::new();
    let state = format!("/local/domain/{MANAGER}/data/vtpmmgr/state");
    dom0.set(&format!("/local/domain/{MANAGER}/data/vtpmmgr/error"), "give it its recovery key");
    dom0.set(&state, "locked");
    assert!(dom0.run(3, &[]).contains("is locked: give it its recovery key"));
    dom0.set(&state, "starting");
    assert!(dom0.run(3, &["--wait", "1"]).contains("is not ready after 1 s"));
    assert!(dom0.run(3, &["--manager", "other"]).contains("there is no domain other"));
    assert!(dom0.run(2, &["--wait", "soon"]).contains("--wait needs a number"));
    assert!(dom0.run(2, &["now"]).contains("now is not known here; see vtpm-rewire --help"));
    assert_eq!(dom0.changes(), [""; 0]);
}

/// A folder that anybody may write to, as `/run/lock` is, would let others choose which file root empties.
#[test]
fn the_lock_lies_where_root_alone_may_put_something() {
    let script = include_str!("../../../../hotplug/vtpm-rewire");
    let lock = script.lines().find_map(|line| line.strip_prefix("lock=${VTPM_REWIRE_LOCK:-"));
    assert_eq!(lock.and_then(|rest| rest.split('}').next()), Some("/run/vtpm-rewire.lock"));
}

/// flock(2) asks for no more than a file that is open, for reading alone if need be.
#[test]
fn nobody_but_root_can_hold_the_lock() {
    let dom0 = Dom0::new();
    dom0.run(0, &[]);
    let lock = fs::metadata(dom0.folder.path().join("lock")).unwrap();
    assert_eq!(lock.permissions().mode() & 0o777, 0o600);
}
