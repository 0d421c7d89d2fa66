//! Letting go of the TPM at each boot.

mod support;

use hardware_tpm::{Error, Kept, is_kept, keep, unkeep};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use support::Tree;

const PROGRAM: &str = "/usr/sbin/vtpm-hwtpm";
const UNIT: &str = "etc/systemd/system/vtpm-hwtpm.service";
const SCRIPT: &str = "etc/init.d/vtpm-hwtpm";

fn kept() -> Tree {
    let tree = Tree::of("file etc/hostname\n| dom0");
    keep(&tree.roots(), Path::new(PROGRAM)).unwrap();
    tree
}

#[test]
fn both_init_systems_are_set_up_and_undone() {
    let tree = kept();
    let roots = tree.roots();
    assert_eq!(is_kept(&roots), Kept { systemd: true, sysvinit: true });
    for way in
        ["etc/systemd/system/sysinit.target.wants/vtpm-hwtpm.service", "etc/rcS.d/S10vtpm-hwtpm"]
    {
        assert!(tree.read(way).contains("/usr/sbin/vtpm-hwtpm release --at-boot"), "{way}");
    }
    assert!(unkeep(&roots).unwrap());
    assert_eq!(is_kept(&roots), Kept::default());
    assert!(!tree.path(UNIT).exists() && !tree.path(SCRIPT).exists());
    assert!(!unkeep(&roots).unwrap(), "nothing is left to undo");
}

#[test]
fn keeping_twice_follows_a_program_that_moved() {
    let tree = kept();
    keep(&tree.roots(), Path::new("/opt/vtpm/vtpm-hwtpm")).unwrap();
    for file in [UNIT, SCRIPT] {
        assert!(tree.read(file).contains("/opt/vtpm/vtpm-hwtpm release"), "{file}");
        assert!(!tree.read(file).contains(PROGRAM), "{file}");
    }
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let tree = Tree::of("file etc/init.d/vtpm-hwtpm\n| #!/bin/sh");
    for outcome in [keep(&tree.roots(), Path::new(PROGRAM)), unkeep(&tree.roots()).map(drop)] {
        assert!(matches!(outcome, Err(Error::NotOurs(_))), "{outcome:?}");
    }
    assert_eq!(tree.read(SCRIPT), "#!/bin/sh\n");
}

#[test]
fn a_link_whose_number_was_changed_counts_and_is_removed() {
    let tree = kept();
    let folder = tree.path("etc/rcS.d");
    fs::rename(folder.join("S10vtpm-hwtpm"), folder.join("S04vtpm-hwtpm")).unwrap();
    assert!(is_kept(&tree.roots()).sysvinit);
    unkeep(&tree.roots()).unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn the_start_script_runs_its_program() {
    let tree = Tree::of("file etc/hostname\n| dom0");
    keep(&tree.roots(), Path::new("/bin/true")).unwrap();
    let mode = fs::metadata(tree.path(SCRIPT)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    for (word, code) in [("start", 0), ("status", 0), ("stop", 0), ("fly", 3)] {
        let status = Command::new("sh").arg(tree.path(SCRIPT)).arg(word).status().unwrap();
        assert_eq!(status.code(), Some(code), "{word}");
    }
}

#[test]
fn without_its_program_nothing_is_done_at_boot_and_nothing_is_an_error() {
    let tree = Tree::of("file etc/hostname\n| dom0");
    let program = tree.path("usr/sbin/vtpm-hwtpm");
    keep(&tree.roots(), &program).unwrap();
    for word in ["start", "stop", "status"] {
        let done = Command::new("sh").arg(tree.path(SCRIPT)).arg(word).output().unwrap();
        assert!(done.status.success() && done.stderr.is_empty(), "{word}: {done:?}");
    }
    let unit = tree.read(UNIT);
    let condition = format!("\nConditionFileIsExecutable={}\n", program.display());
    let (before, _) = unit.split_once("\n[Service]\n").unwrap();
    assert!(
        before.contains(&condition),
        "systemd passes over a unit whose condition fails: {unit}"
    );
}

#[test]
fn a_program_whose_path_no_start_script_can_hold_is_refused() {
    let tree = Tree::of("file etc/hostname\n| dom0");
    let refused = keep(&tree.roots(), Path::new("/opt/a b/$(x)")).unwrap_err();
    assert!(refused.to_string().contains("/usr/local/sbin"), "{refused}");
    assert_eq!(is_kept(&tree.roots()), Kept::default());
}
