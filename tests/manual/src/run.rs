//! Examples that need no Xen.

use crate::Page;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs the `host` examples of a page in a folder, line by line, as a shell does; `program` is the
/// page's, and what its name stands for in them: a command line, to which the example's words are added.
///
/// # Panics
/// A line does not end with exit code 0, or there is no such example.
pub fn run_examples(page: &str, program: &str, stands_for: &str, folder: &Path) {
    let bin = tool(folder, program, stands_for);
    let examples = Page::of(page).examples();
    let lines = examples.iter().filter(|example| example.kind == "host").flat_map(|example| {
        example.lines.iter().map(move |line| (example.place.as_str(), line.as_str()))
    });
    let mut ran = 0;
    for (place, line) in lines {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.args(["-ec", line]).current_dir(folder);
        let done = shell.env("PATH", format!("{}:{path}", bin.display())).output();
        let done = done.unwrap_or_else(|why| panic!("sh cannot be run: {why}"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{place}: {line}: {}: {said}", done.status);
        ran += 1;
    }
    assert!(ran > 0, "man/{page} has no example for the host");
}

/// A folder in which the program's name stands for that command line.
fn tool(folder: &Path, program: &str, stands_for: &str) -> std::path::PathBuf {
    let bin = folder.join("bin");
    let script = bin.join(program);
    let made = fs::create_dir_all(&bin)
        .and_then(|()| fs::write(&script, format!("#!/bin/sh\nexec {stands_for} \"$@\"\n")))
        .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)));
    made.unwrap_or_else(|why| panic!("{}: {why}", script.display()));
    bin
}
