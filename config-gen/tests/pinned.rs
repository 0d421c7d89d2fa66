//! A vTPM that is for one guest's line, in the files that are written.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::Command;

const TOML: &str =
    "[[guest]]\nname='g'\nkernel='/k'\npinned=true\n[[guest]]\nname='h'\nkernel='/k'\n";

fn written(folder: &Path, more: &[&str]) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-config-gen"));
    let status = program.arg("vtpms.toml").args(more).current_dir(folder).output().unwrap();
    assert!(status.status.success(), "{status:?}");
}

/// What follows `start` in a file, to the end of its line.
fn after(folder: &Path, file: &str, start: &str) -> String {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(start));
    found.unwrap_or_else(|| panic!("{file}: {text}")).to_owned()
}

#[test]
fn a_pinned_vtpm_names_the_uuid_of_its_guests_line_also_in_a_second_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("vtpms.toml"), TOML).unwrap();
    written(folder.path(), &[]);
    let line = after(folder.path(), "g.cfg", "vtpm = [ \"backend=g-vtpm,uuid=");
    let uuid = line.trim_end_matches("\" ]");
    let extra = after(folder.path(), "g-vtpm.cfg", "extra = ");
    assert_eq!(extra, format!("\"tpm2 guest={uuid}\""));
    let (arguments, notices) =
        vtpm_arguments::Arguments::parse(extra.trim_matches('"').split(' ')).unwrap();
    assert_eq!(arguments.guest.unwrap().to_string(), uuid);
    assert!(notices.is_empty());
    assert_eq!(after(folder.path(), "h-vtpm.cfg", "extra = "), "\"tpm2\"");
    written(folder.path(), &["--force"]);
    assert_eq!(after(folder.path(), "g-vtpm.cfg", "extra = "), extra);
    assert_eq!(after(folder.path(), "g.cfg", "vtpm = [ \"backend=g-vtpm,uuid="), line);
}
