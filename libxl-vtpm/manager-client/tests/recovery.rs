//! What `vtpmmgr-ctl policy recover` says once a manager has taken the key.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use tpm_wire::Tag;
use tpm_wire::manager::{PolicyCommand, answer, policy_request};
use tpm_wire::tpm12::TpmResult;

/// A character device, and the end of it that the test holds. The second file keeps it open.
fn device() -> (PathBuf, File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
    let other = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut settings = tcgetattr(&other).unwrap();
    settings.make_raw();
    tcsetattr(&other, OptionalActions::Now, &settings).unwrap();
    (path, File::from(master), other)
}

/// The program's output, and the packet that it sent to a manager that says yes.
fn recover(folder: &Path, first: &[&str]) -> (String, Vec<u8>) {
    let (path, mut manager, _held) = device();
    let answers = thread::spawn(move || {
        let mut packet = vec![0; 4096];
        let got = manager.read(&mut packet).unwrap();
        manager.write_all(&answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &[])).unwrap();
        packet.truncate(got);
        // Closed only once the program has ended.
        (packet, manager)
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_vtpmmgr-ctl"));
    command.current_dir(folder).args(first).arg("--device").arg(path);
    let output = command.args(["policy", "recover", "--key", "key"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (packet, _manager) = answers.join().unwrap();
    (String::from_utf8(output.stdout).unwrap(), packet)
}

#[test]
fn a_recovery_says_what_cannot_be_detected() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), "AAAA-BBBB\n").unwrap();
    let sentence = "if this is another TPM than before, or none, rollback before this moment cannot \
                    be detected";
    let (said, packet) = recover(folder.path(), &[]);
    assert!(said.trim_end().ends_with(sentence), "{said}");
    let force = tpm_wire::manager::Force::No;
    let asked = PolicyCommand::Recover { key: b"AAAA-BBBB", force };
    assert_eq!(packet, policy_request(&asked.encode()));
    let (said, _) = recover(folder.path(), &["--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["done"], true);
    assert!(said["note"].as_str().unwrap().ends_with(sentence), "{said}");
}
