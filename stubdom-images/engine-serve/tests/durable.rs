//! What was answered is kept; what lives in memory goes on once.

mod program;

use program::{Program, bytes, get_random};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// An NV counter index of the owner (TPM2_NV_DefineSpace; TPMA_NV: OWNERWRITE, OWNERREAD, AUTHREAD,
/// COUNTER).
const DEFINE_COUNTER: &str = "8002 0000002d 0000012a 40000001 00000009 40000009 0000 01 0000 0000 \
    000e 01500001 000b 00060012 0000 0008";
const INCREMENT: &str = "8002 0000001f 00000134 40000001 01500001 00000009 40000009 0000 01 0000";
const READ_COUNTER: &str = "8002 00000023 0000014e 40000001 01500001 00000009 40000009 0000 01 \
    0000 0008 0000";
const EXTEND_PCR16: &str = "8002 00000041 00000182 00000010 00000009 40000009 0000 01 0000 \
    00000001 000b 2222222222222222222222222222222222222222222222222222222222222222";
const READ_PCR16: &str = "8001 00000014 0000017e 00000001 000b 03 000001";

fn ask(program: &Program, hex: &str) -> Vec<u8> {
    let response = program.connect().ask(&bytes(hex));
    assert_eq!(response[6..10], [0; 4], "{hex} -> {response:02x?}");
    response
}

fn counter(program: &Program) -> u64 {
    let response = ask(program, READ_COUNTER);
    u64::from_be_bytes(response[16..24].try_into().unwrap())
}

#[test]
fn every_answered_increment_survives_a_kill_at_any_moment() {
    let mut program = Program::start("2.0", &["--startup", "clear"]);
    ask(&program, DEFINE_COUNTER);
    ask(&program, INCREMENT);
    let mut least = counter(&program);
    for round in 0_u64..15 {
        let mut client = program.connect();
        let victim = std::thread::scope(|scope| {
            let incrementing = scope.spawn(move || {
                let mut answered = 0;
                // the program may be gone before or after any of these
                if !client.try_send(&bytes(INCREMENT)) {
                    return answered;
                }
                while let Ok(response) = client.try_receive() {
                    assert_eq!(response[6..10], [0; 4]);
                    answered += 1;
                    if !client.try_send(&bytes(INCREMENT)) {
                        break;
                    }
                }
                answered
            });
            std::thread::sleep(std::time::Duration::from_micros(300 + 1700 * round));
            program.kill();
            incrementing.join().unwrap()
        });
        program.restart(&["--startup", "clear"]);
        let now = counter(&program);
        assert!(now >= least + victim, "{victim} answered after {least}, but it is {now}");
        assert!(now <= least + victim + 1, "{victim} answered after {least}, but it is {now}");
        least = now;
    }
}

#[test]
fn a_save_cut_short_leaves_the_state_before() {
    let mut program = Program::start("2.0", &["--startup", "clear"]);
    ask(&program, DEFINE_COUNTER);
    ask(&program, INCREMENT);
    let before = counter(&program);
    program.kill();
    let whole = fs::read(program.state().join("state")).unwrap();
    for length in [0, 1, 64, whole.len() / 2, whole.len() - 1] {
        fs::write(program.state().join("state.new"), &whole[..length]).unwrap();
        program.restart(&["--startup", "clear"]);
        assert_eq!(counter(&program), before);
        program.kill();
    }
}

#[test]
fn a_suspended_tpm_goes_on_where_it_was() {
    for tpm in ["1.2", "2.0"] {
        let mut program = Program::start(tpm, &["--startup", "clear"]);
        let file = program.file("suspended");
        let name = file.to_str().unwrap().to_owned();
        program.stop();
        program.restart(&["--startup", "clear", "--suspend-to", &name]);
        let (extend, read) = match tpm {
            "1.2" => (
                "00c1 00000022 00000014 00000010 2222222222222222222222222222222222222222",
                "00c1 0000000e 00000015 00000010",
            ),
            _ => (EXTEND_PCR16, READ_PCR16),
        };
        ask(&program, extend);
        let pcr = ask(&program, read);
        assert!(program.stop().success());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        program.restart(&["--startup", "clear", "--resume-from", &name]);
        let after = ask(&program, read);
        assert!(!file.exists(), "consumed");
        // a TPM 2.0 response carries the PCR update counter, which goes on too
        assert_eq!(after, pcr, "TPM {tpm}");
    }
}

#[test]
fn copies_of_one_suspended_tpm_give_different_random_bytes() {
    for tpm in ["1.2", "2.0"] {
        let mut program = Program::start(tpm, &["--startup", "clear"]);
        let file = program.file("suspended");
        let name = file.to_str().unwrap().to_owned();
        program.stop();
        program.restart(&["--startup", "clear", "--suspend-to", &name]);
        program.stop();
        let copy = fs::read(&file).unwrap();
        let mut seen = Vec::new();
        for _ in 0..3 {
            fs::write(&file, &copy).unwrap();
            program.restart(&["--resume-from", &name]);
            seen.push(program.connect().ask(&get_random(tpm)));
            program.kill();
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 3, "TPM {tpm}");
    }
}

#[test]
fn a_resume_that_does_not_fit_is_refused_and_keeps_the_file() {
    let mut program = Program::start("2.0", &["--startup", "clear"]);
    let file = program.file("suspended");
    let name = file.to_str().unwrap().to_owned();
    let refused = |program: &Program| {
        Program::refused("2.0", &program.state(), &program.socket(), &["--resume-from", &name])
    };
    program.stop();
    assert!(refused(&program).contains("cannot read"));
    program.restart(&["--startup", "clear", "--suspend-to", &name]);
    program.stop();
    program.restart(&["--startup", "clear"]);
    ask(&program, DEFINE_COUNTER);
    program.stop();
    let message = refused(&program);
    assert!(message.contains("not the one it was suspended with"), "{message}");
    assert!(file.exists());
    let mut damaged = fs::read(&file).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&file, damaged).unwrap();
    let message = refused(&program);
    assert!(message.contains("it is damaged"), "{message}");
}
