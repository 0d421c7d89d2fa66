//! The program as its users run it.

mod program;

use program::{Program, get_random, startup};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const BOTH: [&str; 2] = ["1.2", "2.0"];

#[test]
fn serves_several_clients_at_once_and_one_after_another() {
    for tpm in BOTH {
        let program = Program::start(tpm, &["--startup", "clear"]);
        let (mut first, mut second) = (program.connect(), program.connect());
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(first.ask(&get_random(tpm)));
            answers.push(second.ask(&get_random(tpm)));
        }
        drop(first);
        answers.push(program.connect().ask(&get_random(tpm)));
        answers.sort();
        answers.dedup();
        assert_eq!(answers.len(), 11, "TPM {tpm}: eleven different answers");
    }
}

#[test]
fn a_client_that_sends_nonsense_or_half_a_command_disturbs_nobody() {
    let program = Program::start("2.0", &["--startup", "clear"]);
    let mut half = program.connect();
    half.send(&get_random("2.0")[..7]);
    let mut nonsense = program.connect();
    nonsense.send(&[0xff; 300]);
    assert_eq!(nonsense.read_to_end()[6..10], [0, 0, 0, 0x19], "an error, then the end");
    let mut good = program.connect();
    assert_eq!(good.ask(&get_random("2.0"))[6..10], [0; 4]);
    half.send(&get_random("2.0")[7..]);
    assert_eq!(half.receive()[6..10], [0; 4]);
}

#[test]
fn a_client_that_never_reads_does_not_stop_the_others() {
    let program = Program::start("2.0", &["--startup", "clear"]);
    let mut deaf = program.connect();
    deaf.send_until_blocked(&get_random("2.0"));
    assert_eq!(program.connect().ask(&get_random("2.0"))[6..10], [0; 4]);
}

#[test]
fn nothing_is_sent_to_the_tpm_unasked() {
    let program = Program::start("2.0", &[]);
    let answer = program.connect().ask(&get_random("2.0"));
    assert_eq!(answer[6..10], [0, 0, 1, 0], "TPM_RC_INITIALIZE");
    assert_eq!(program.connect().ask(&startup("2.0"))[6..10], [0; 4]);
}

#[test]
fn sigterm_stops_cleanly_and_takes_the_socket_away() {
    for tpm in BOTH {
        let mut program = Program::start(tpm, &[]);
        assert!(program.stop().success());
        assert!(!program.socket().exists());
    }
}

#[test]
fn state_and_socket_are_the_users_alone() {
    let program = Program::start("2.0", &[]);
    program.connect().ask(&startup("2.0"));
    for file in [program.socket(), program.state().join("state")] {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
}

#[test]
fn two_programs_cannot_serve_one_state_or_one_socket() {
    let program = Program::start("2.0", &[]);
    // Its socket is there before it has taken its directory.
    program.connect().ask(&get_random("2.0"));
    let other = program.socket().with_extension("other");
    let refused = Program::refused("2.0", &program.state(), &other, &[]);
    assert!(refused.contains("in use by another program"), "{refused}");
    let elsewhere = program.state().join("elsewhere");
    let refused = Program::refused("2.0", &elsewhere, &program.socket(), &[]);
    assert!(refused.contains("already being served"), "{refused}");
    assert_eq!(program.connect().ask(&startup("2.0"))[6..10], [0; 4]);
}

#[test]
fn a_socket_of_another_kind_that_somebody_serves_is_left_to_him() {
    let folder = tempfile::tempdir().unwrap();
    let (state, path) = (folder.path().join("state"), folder.path().join("log"));
    let theirs = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    let refused = Program::refused("2.0", &state, &path, &[]);
    assert!(refused.contains("name another socket"), "{refused}");
    let client = std::os::unix::net::UnixDatagram::unbound().unwrap();
    client.connect(&path).unwrap();
    client.send(b"still there").unwrap();
    assert_eq!(theirs.recv(&mut [0; 20]).unwrap(), 11);
}

#[test]
fn an_error_has_its_exit_code_where_nobody_hears_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, socket) = (folder.path().join("file"), folder.path().join("socket"));
    fs::write(&file, "a diary").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_vtpm-engine"));
    program.args(["serve", "--tpm", "2.0", "--state"]).arg(&file).arg("--socket").arg(&socket);
    assert_eq!(program.stderr(writer).status().unwrap().code(), Some(1));
}

#[test]
fn damaged_foreign_and_other_version_state_is_refused_and_left_alone() {
    let mut program = Program::start("2.0", &[]);
    program.stop();
    let file = program.state().join("state");
    let good = fs::read(&file).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let cases = [
        (flipped, "2.0", "it is damaged"),
        (good[..good.len() / 2].to_vec(), "2.0", "it is damaged"),
        (Vec::new(), "2.0", "it is damaged"),
        (vec![b'x'; 500], "2.0", "not a file of vtpm-engine"),
        (good.clone(), "1.2", "belongs to a TPM 2.0; serve it with --tpm 2.0"),
    ];
    for (bytes, tpm, reason) in cases {
        fs::write(&file, &bytes).unwrap();
        let refused = Program::refused(tpm, &program.state(), &program.socket(), &[]);
        assert!(refused.contains(reason), "{refused}");
        assert_eq!(fs::read(&file).unwrap(), bytes, "the file is as it was");
    }
    fs::write(&file, good).unwrap();
    program.restart(&["--startup", "clear"]);
    assert_eq!(program.connect().ask(&get_random("2.0"))[6..10], [0; 4]);
}
