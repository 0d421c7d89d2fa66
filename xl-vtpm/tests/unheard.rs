//! Output that nobody can be told: the program does what it was asked all the same.
#![forbid(unsafe_code)]

use std::fs::{self, File};
use std::process::{Command, Stdio};

fn nowhere() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// The writing end of a pipe that nobody reads.
fn closed() -> Stdio {
    let (_reader, writer) = std::io::pipe().unwrap();
    writer.into()
}

#[test]
fn a_full_disk_and_a_closed_pipe_end_nothing_half_way() {
    for (output, is_lost) in [(nowhere as fn() -> Stdio, true), (closed, false)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("g.cfg"), "name = 'g'\n").unwrap();
        let mut xl_vtpm = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
        xl_vtpm.args(["new", "g", "--guest-config", "g.cfg", "--output", "out"]);
        let done = xl_vtpm.current_dir(folder.path()).stdout(output()).stderr(Stdio::piped());
        let done = done.spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(0), "{said}");
        assert_eq!(said.contains("warning: standard output cannot be written"), is_lost, "{said}");
        assert!(folder.path().join("out/g-vtpm.cfg").exists());
    }
}

#[test]
fn the_exit_code_is_right_where_no_mistake_can_be_told() {
    for (words, code) in [(&["create", "none.cfg"][..], 1), (&["creat"], 2)] {
        let mut xl_vtpm = Command::new(env!("CARGO_BIN_EXE_xl-vtpm"));
        let done = xl_vtpm.args(words).stdout(nowhere()).stderr(nowhere()).status().unwrap();
        assert_eq!(done.code(), Some(code), "{words:?}");
    }
}
