//! `hotplug/block-vtpm-state` and `block-vtpmmgr-store`, with stand-ins for xenstore's programs and the stock
//! script `block`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Xenstore as folders: a node's value is in the file `=` of its folder.
const STAND_INS: [(&str, &str); 4] = [
    (
        "xenstore-read",
        "case $1 in /*) p=$1;; *) p=/local/domain/0/$1;; esac\nexec cat \"$STORE$p/=\" 2>/dev/null",
    ),
    (
        "xenstore-write",
        "while [ $# -gt 0 ]; do case $1 in /*) p=$1;; *) p=/local/domain/0/$1;; esac\n\
         mkdir -p \"$STORE$p\" && printf %s \"$2\" >\"$STORE$p/=\" || exit; shift 2; done",
    ),
    (
        "xenstore-list",
        "case $1 in /*) p=$1;; *) p=/local/domain/0/$1;; esac\nls \"$STORE$p\" | grep -v =",
    ),
    ("block", "echo \"block $* $XENBUS_PATH\" >>\"$STORE/log\"\nexit 7"),
];

const DISK: &str = "backend/vbd/7/768";
const STATE_MARK: &[u8; 16] = b"xen-vtpm-disk\r\n\0";
const STORE_MARK: &[u8; 16] = b"xen-vtpmmgr\r\n\x1a\n\0";

/// A domain 0 with a folder for images, in which a domain 7 is about to get its disk.
struct Dom0(TempDir);

/// A program that is being written cannot be run, and a child that another test has just forked would still have it
/// open for writing: while this is held, nothing of the two happens elsewhere.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Dom0 {
    fn new() -> Self {
        let _alone = alone();
        let dom0 = Self(tempfile::tempdir().unwrap());
        for folder in ["bin", "store", "images"] {
            fs::create_dir(dom0.0.path().join(folder)).unwrap();
        }
        for (name, text) in STAND_INS {
            let path = dom0.0.path().join("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            mode(&path, 0o755);
        }
        dom0.node(&format!("/local/domain/0/{DISK}/mode"), "w");
        dom0
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("images/g1-vtpm.img")
    }

    /// An image of zeros that begins with these bytes.
    fn holds(self, bytes: &[u8], at: usize) -> Self {
        let mut image = vec![0; 2 << 20];
        image[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(self.image(), image).unwrap();
        mode(&self.image(), 0o600);
        self
    }

    fn node(&self, path: &str, value: &str) {
        let folder = self.0.path().join(format!("store{path}"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("="), value).unwrap();
    }

    fn read(&self, node: &str) -> Option<String> {
        fs::read_to_string(self.0.path().join(format!("store/local/domain/0/{DISK}/{node}/="))).ok()
    }

    /// What the script ends with, and whether the stock script took over.
    fn run(&self, script: &str, target: &str) -> (Option<i32>, bool) {
        self.node(&format!("/local/domain/0/{DISK}/params"), target);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../hotplug").join(script);
        let bin = self.0.path().join("bin");
        let mut program = Command::new(script);
        program.arg("add").env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        program.env("XENBUS_PATH", DISK).env("XEN_SCRIPT_DIR", &bin);
        let log = self.0.path().join("store/log");
        let _ = fs::remove_file(&log);
        program.env("STORE", self.0.path().join("store"));
        let done = {
            let _alone = alone();
            program.output().unwrap()
        };
        let log = fs::read_to_string(log).unwrap_or_default();
        (done.status.code(), log == format!("block add {DISK}\n"))
    }

    fn goes_on(&self, script: &str) {
        let ended = self.run(script, &self.image().display().to_string());
        assert_eq!(ended, (Some(7), true), "{:?}", self.read("hotplug-error"));
        assert_eq!(self.read("hotplug-error"), None);
    }

    /// The script fails, and libxl is told a sentence with these parts.
    fn refuses(&self, script: &str, target: &Path, parts: &[&str]) {
        assert_eq!(self.run(script, &target.display().to_string()), (Some(1), false));
        let told = self.read("hotplug-error").unwrap();
        assert_eq!(self.read("hotplug-status").as_deref(), Some("error"));
        assert!(!told.contains('\n'), "{told}");
        for part in parts {
            assert!(told.contains(part), "{part} is not in: {told}");
        }
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// xenstore-read says `\xc3\xa4` for `ä` (Xen tools/xs_lib.c, sanitise_value).
#[test]
fn a_path_that_cannot_be_read_from_xenstore_is_refused_and_not_made_under_another_name() {
    let dom0 = Dom0::new();
    let said = dom0.0.path().join("images/g\\xc3\\xa4st.img");
    dom0.refuses(
        "block-vtpm-state",
        &said,
        &["g\\xc3\\xa4st.img", "more than ASCII's", "another target="],
    );
    assert_eq!(fs::read_dir(dom0.0.path().join("images")).unwrap().count(), 0);
}

#[test]
fn an_image_is_made_where_nothing_is_and_only_its_owner_may_read_it() {
    for (script, mib) in [("block-vtpm-state", 2), ("block-vtpmmgr-store", 16)] {
        let dom0 = Dom0::new();
        dom0.goes_on(script);
        let made = fs::metadata(dom0.image()).unwrap();
        assert_eq!((made.len(), made.mode() & 0o777), (mib << 20, 0o600));
        assert!(made.blocks() < 16, "it is sparse: {} blocks", made.blocks());
        fs::remove_file(dom0.image()).unwrap();
        fs::remove_dir_all(dom0.0.path().join("store/tool")).unwrap();
        let killed = dom0.0.path().join("images/.vtpm-disk-new-aaaaaa");
        let then = SystemTime::now() - Duration::from_secs(600);
        fs::File::create(&killed).unwrap().set_modified(then).unwrap();
        dom0.goes_on(script);
        let files = fs::read_dir(dom0.0.path().join("images")).unwrap().count();
        assert_eq!(files, 1, "nothing else is left, nor what was left before");
    }
}

#[test]
fn with_no_discard_an_image_has_all_its_space() {
    let dom0 = Dom0::new();
    dom0.node(&format!("/local/domain/0/{DISK}/discard-enable"), "0");
    dom0.goes_on("block-vtpm-state");
    let made = fs::metadata(dom0.image()).unwrap();
    assert!(made.len() == 2 << 20 && made.blocks() * 512 >= 2 << 20, "{} blocks", made.blocks());
}

#[test]
fn an_image_that_was_there_and_is_gone_is_not_made_anew() {
    let dom0 = Dom0::new();
    dom0.goes_on("block-vtpm-state");
    fs::remove_file(dom0.image()).unwrap();
    dom0.refuses("block-vtpm-state", &dom0.image(), &["is gone", "xenstore-rm /tool/vtpm-disks/"]);
    assert!(!dom0.image().exists());
}

#[test]
fn nothing_is_made_where_others_may_write_or_in_no_folder_or_at_the_end_of_a_link() {
    let dom0 = Dom0::new();
    let images = dom0.0.path().join("images");
    dom0.refuses("block-vtpm-state", &images.join("none/x.img"), &["no folder", "mkdir -m 700"]);
    symlink(images.join("nowhere"), dom0.image()).unwrap();
    dom0.refuses("block-vtpm-state", &dom0.image(), &["a link that leads to nothing"]);
    mode(&images, 0o777);
    dom0.refuses(
        "block-vtpm-state",
        &images.join("x.img"),
        &["others could put a file", "chmod 700"],
    );
    assert!(!images.join("nowhere").exists() && !images.join("x.img").exists());
}

#[test]
fn disks_of_zeros_and_of_their_own_kind_are_taken_as_they_are() {
    for (script, mark) in [("block-vtpm-state", STATE_MARK), ("block-vtpmmgr-store", STORE_MARK)] {
        for (bytes, at) in [(&[0; 16], 0), (mark, 0), (mark, 4096)] {
            let dom0 = Dom0::new().holds(bytes, at);
            let before = fs::read(dom0.image()).unwrap();
            dom0.goes_on(script);
            assert!(fs::read(dom0.image()).unwrap() == before, "{script} {at}");
        }
    }
}

#[test]
fn a_disk_of_another_kind_is_refused_and_left_alone() {
    let (state, store) = ("block-vtpm-state", "block-vtpmmgr-store");
    for (script, bytes, at, part) in [
        (state, STORE_MARK, 0, "is a manager's store and not a vTPM's state"),
        (store, STATE_MARK, 0, "is a vTPM's state and not a manager's store"),
        (store, STATE_MARK, 4096, "is a vTPM's state"),
        (state, b"\x53\xef a Linux ext4!", 0x438, "holds something that is not a vTPM's state"),
        (store, b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 65520, "holds something"),
        (state, b"_BHRfS_M, btrfs!", 0x1_0040, "holds something that is not a vTPM's state"),
        (store, b"_BHRfS_M, btrfs!", 0x1_0040, "holds something that is not a manager's store"),
        (state, b"what else is it?", 548_840, "holds something"),
    ] {
        let dom0 = Dom0::new().holds(bytes, at);
        let before = fs::read(dom0.image()).unwrap();
        dom0.refuses(script, &dom0.image(), &[part, "write another target="]);
        assert!(fs::read(dom0.image()).unwrap() == before, "{script} {at}");
    }
}

#[test]
fn what_others_may_read_or_write_and_what_is_too_small_is_refused() {
    let dom0 = Dom0::new().holds(STATE_MARK, 0);
    for (bits, part) in
        [(0o620, "others may write"), (0o602, "others may write"), (0o644, "others may read")]
    {
        mode(&dom0.image(), bits);
        dom0.refuses("block-vtpm-state", &dom0.image(), &[part, "chmod 600"]);
    }
    mode(&dom0.image(), 0o600);
    fs::File::options().write(true).open(dom0.image()).unwrap().set_len(540_671).unwrap();
    dom0.refuses("block-vtpm-state", &dom0.image(), &["540671 bytes, too few"]);
    fs::File::options().write(true).open(dom0.image()).unwrap().set_len(540_672).unwrap();
    let node = format!("/local/domain/0/{DISK}/mode");
    dom0.node(&node, "r");
    dom0.refuses("block-vtpm-state", &dom0.image(), &["read-only", "access=w"]);
    dom0.node(&node, "w");
    fs::remove_dir_all(dom0.0.path().join(format!("store/local/domain/0/{DISK}/hotplug-error")))
        .unwrap();
    dom0.goes_on("block-vtpm-state");
}

#[test]
fn what_is_no_disk_is_refused() {
    let dom0 = Dom0::new();
    let images = dom0.0.path().join("images");
    for (target, part) in [
        (images.clone(), "neither a file nor a block device"),
        (PathBuf::from("/dev/null"), "neither a file nor a block device"),
        (PathBuf::from("/dev/vg/nothing"), "there is no device"),
        (PathBuf::from("g1-vtpm.img"), "no whole path"),
        (images.join("x.img/"), "is a folder"),
    ] {
        dom0.refuses("block-vtpm-state", &target, &[part]);
    }
}

#[test]
fn a_disk_of_a_living_domain_is_refused_under_every_name_and_one_of_a_gone_domain_is_taken() {
    let dom0 = Dom0::new().holds(STATE_MARK, 0);
    let other = dom0.0.path().join("images/other-name");
    symlink(dom0.image(), &other).unwrap();
    dom0.node("/local/domain/0/backend/vbd/9/51712/params", &other.display().to_string());
    dom0.node("/local/domain/0/backend/vbd/8/51712/params", "/dev/nothing");
    dom0.node("/local/domain/8/name", "g8");
    dom0.goes_on("block-vtpm-state");
    dom0.node("/local/domain/9/name", "g2-vtpm");
    dom0.refuses("block-vtpm-state", &dom0.image(), &["a disk of g2-vtpm (domain 9) already"]);
    // Served by qemu, whose paths begin with a format.
    let dom0 = Dom0::new().holds(STATE_MARK, 0);
    dom0.node("/local/domain/9/name", "g2");
    dom0.node(
        "/local/domain/0/backend/qdisk/9/768/params",
        &format!("aio:{}", dom0.image().display()),
    );
    dom0.refuses("block-vtpm-state", &dom0.image(), &["a disk of g2 (domain 9) already"]);
}
