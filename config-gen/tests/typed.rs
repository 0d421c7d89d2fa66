//! What is said to be typed does what is said.
#![forbid(unsafe_code)]

use std::fs;
use std::process::Command;

#[test]
fn the_commands_that_are_printed_make_the_images_of_a_path_with_spaces() {
    let here = tempfile::tempdir().unwrap();
    let disks = here.path().join("my disks");
    let toml = format!(
        "[host]\noutput = \"o 2\"\ndisks = \"{}\"\ncheck_disks = false\n[[guest]]\nname = \"g\"\nkernel = \"/k\"\n",
        disks.display()
    );
    fs::write(here.path().join("vtpms.toml"), toml).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-config-gen"));
    let done = program.arg("vtpms.toml").current_dir(here.path()).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let (_, typed) = said.split_once("To start everything:\n").unwrap();
    // Without a Xen: what it would start has to be there.
    let xl = "xl() { test -f \"$2\"; }; set -e\n";
    let typed: Vec<_> = typed.lines().filter(|line| !line.contains("xenstore-read")).collect();
    let typed = typed.join("\n");
    let mut shell = Command::new("sh");
    let done =
        shell.args(["-c", &format!("{xl}{typed}")]).current_dir(here.path()).output().unwrap();
    assert!(done.status.success(), "{typed}{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(fs::metadata(disks.join("g-vtpm.img")).unwrap().len(), 2 << 20);
    assert_eq!(fs::metadata(disks.join("vtpmmgr.img")).unwrap().len(), 16 << 20);
}
