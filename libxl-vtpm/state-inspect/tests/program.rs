//! The program, as an administrator calls it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const VTPM: &[u8] =
    include_bytes!("../../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.img");

fn run(arguments: &[&str], path: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_vtpm-inspect");
    Command::new(program).args(arguments).arg(path).output().unwrap()
}

#[test]
fn a_file_is_read_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vtpm.img");
    let mut bytes = VTPM.to_vec();
    bytes.resize(2 << 20, 0);
    fs::write(&path, &bytes).unwrap();
    let mut rights = fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&path, rights).unwrap();
    let output = run(&["--json"], &path);
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let value: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&value["what"], &value["generation"]), (&"vtpm-disk".into(), &3.into()));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn what_is_no_disk_is_refused_in_one_sentence_and_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, why) in [
        (folder.path(), "a directory"),
        (pipe.as_path(), "a pipe"),
        (Path::new("/dev/null"), "a character device"),
        (Path::new("/does/not/exist"), "cannot be read"),
    ] {
        let output = run(&[], path);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains(why) && said.trim_end().lines().count() == 1, "{said}");
    }
}
