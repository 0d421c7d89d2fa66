//! The program, as an administrator calls it.

use std::fs::{self, File};
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
    let (text, empty) = (folder.path().join("guest1.cfg"), folder.path().join("empty"));
    fs::write(&text, "name = 'guest1'\n".repeat(9999)).unwrap();
    fs::write(&empty, "").unwrap();
    for (path, why) in [
        (folder.path(), "a directory"),
        (pipe.as_path(), "a pipe"),
        (Path::new("/dev/null"), "a character device"),
        (Path::new("/does/not/exist"), "there is no such file"),
        (&text.join("vtpm.img"), "it cannot be read"),
        (&text, "it holds neither a manager's store nor a vTPM's state"),
        (&empty, "it holds neither a manager's store nor a vTPM's state"),
    ] {
        let output = run(&[], path);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains(why) && said.trim_end().lines().count() == 1, "{said}");
        assert!(said.contains("; name the file or block device that stands in disk="), "{said}");
    }
}

#[test]
fn the_manual_page_s_examples_run() {
    let folder = tempfile::tempdir().unwrap();
    let samples =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../stubdom-images/vtpm-store/tests/samples");
    for (sample, name) in
        [("manager-store-v1.img", "vtpmmgr.img"), ("vtpm-disk-v1.img", "guest1-vtpm.img")]
    {
        let mut bytes = std::fs::read(format!("{samples}/{sample}")).unwrap();
        bytes.resize(536 << 10, 0);
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let program = env!("CARGO_BIN_EXE_vtpm-inspect");
    manual::run_examples("vtpm-inspect.1", "vtpm-inspect", program, folder.path());
}

#[test]
fn every_mistake_is_one_sentence_that_says_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine"), "text").unwrap();
    for (words, code, says) in [
        (&[][..], 2, "<DISK> is missing; write vtpm-inspect <DISK>"),
        (&["mine", "other"], 2, "other is not known here"),
        (&["mine", "--jsno"], 2, "--jsno is not known here"),
        (&["none"], 1, "none: there is no such file; name the file or block device"),
        (&["."], 1, ".: it is a directory; name the file or block device"),
        (&["/dev/null"], 1, "/dev/null: it is a character device; name the file or block device"),
        (&["mine"], 1, "mine: it holds neither a manager's store nor a vTPM's state"),
    ] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-inspect"));
        let done = program.args(words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.starts_with("vtpm-inspect: ") && said.contains(says), "{words:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{words:?}: {said}");
    }
}

#[test]
fn an_answer_that_nobody_hears_is_no_failure_of_the_disk() {
    let disk = tempfile::NamedTempFile::new().unwrap();
    disk.as_file().set_len(2 << 20).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    for (output, is_lost) in [(full.into(), true), (std::io::pipe().unwrap().1.into(), false)] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_vtpm-inspect"));
        program.arg(disk.path()).stdout::<std::process::Stdio>(output);
        let done = program.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let done = done.wait_with_output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(0), "{said}");
        assert_eq!(said.contains("vtpm-inspect: warning: standard output"), is_lost, "{said}");
    }
}
