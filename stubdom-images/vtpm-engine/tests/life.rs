//! A TPM from manufacture to the next power cycle, in both versions.

mod support;

use support::*;
use tpm_wire::MAX_PACKET_BYTES;
use vtpm_engine::{Engine, EngineError, LibTpms, Locality, StartConfig, TpmState, TpmVersion};

#[test]
fn answers_commands_in_both_versions() {
    let _alone = alone();
    for version in BOTH {
        let mut engine = fresh(version);
        let first = run(&mut engine, &get_random(version));
        let second = run(&mut engine, &get_random(version));
        assert_ne!(first, second, "TPM {version}");
        assert!(!engine.has_failed());
    }
}

#[test]
fn a_second_engine_is_refused_while_one_runs() {
    let _alone = alone();
    let first = LibTpms::start(StartConfig::new(TpmVersion::Tpm20)).unwrap();
    let second = LibTpms::start(StartConfig::new(TpmVersion::Tpm12));
    assert_eq!(second.err(), Some(EngineError::AlreadyRunning));
    drop(first);
    LibTpms::start(StartConfig::new(TpmVersion::Tpm12)).unwrap();
}

#[test]
fn a_new_tpm_has_state_to_keep_and_reading_does_not_change_it() {
    let _alone = alone();
    for version in BOTH {
        let mut engine = LibTpms::start(StartConfig::new(version)).unwrap();
        assert!(engine.take_changed_state().is_some(), "TPM {version}");
        run(&mut engine, &startup(version));
        engine.take_changed_state();
        for _ in 0..10 {
            run(&mut engine, &get_random(version));
            assert_eq!(engine.take_changed_state(), None, "TPM {version}");
        }
    }
}

fn primary_key(engine: &mut LibTpms) -> Vec<u8> {
    run(engine, &command(CREATE_PRIMARY_RSA))[24..300].to_vec()
}

#[test]
fn the_same_state_makes_the_same_primary_key() {
    let _alone = alone();
    let mut engine = fresh(TpmVersion::Tpm20);
    let key = primary_key(&mut engine);
    let state = engine.state();
    drop(engine);
    let config = StartConfig { state, ..StartConfig::new(TpmVersion::Tpm20) };
    let mut again = LibTpms::start(config).unwrap();
    run(&mut again, &startup(TpmVersion::Tpm20));
    assert_eq!(primary_key(&mut again), key);
    again.power_cycle().unwrap();
    run(&mut again, &startup(TpmVersion::Tpm20));
    assert_eq!(primary_key(&mut again), key);
    drop(again);
    let mut other = fresh(TpmVersion::Tpm20);
    assert_ne!(primary_key(&mut other), key);
}

#[test]
fn tpm12_keeps_its_endorsement_key_and_its_saved_state() {
    let _alone = alone();
    let version = TpmVersion::Tpm12;
    let mut engine = fresh(version);
    run(&mut engine, &command(CREATE_EK_12));
    let read_pubek = command("00c1 00000000 0000007c 2222222222222222222222222222222222222222");
    let key = run(&mut engine, &read_pubek);
    let extend = "00c1 00000000 00000014 0000000a 5555555555555555555555555555555555555555";
    run(&mut engine, &command(extend));
    let read_pcr = command("00c1 00000000 00000015 0000000a");
    let pcr = run(&mut engine, &read_pcr);
    run(&mut engine, &command("00c1 00000000 00000098"));
    let state = engine.take_changed_state();
    assert!(state.as_ref().is_some_and(|state| state.saved.is_some()));
    drop(engine);
    let mut again = LibTpms::start(StartConfig { state, ..StartConfig::new(version) }).unwrap();
    run(&mut again, &command("00c1 00000000 00000099 0002"));
    assert_eq!(run(&mut again, &read_pcr), pcr);
    assert_eq!(run(&mut again, &read_pubek), key);
}

#[test]
fn damaged_state_and_state_of_the_other_version_are_refused() {
    let _alone = alone();
    for version in BOTH {
        let engine = fresh(version);
        let state = engine.state().unwrap();
        drop(engine);
        let start = |version, permanent: Vec<u8>| {
            let state = Some(TpmState { permanent, saved: None });
            LibTpms::start(StartConfig { state, ..StartConfig::new(version) }).err()
        };
        let mut cut = state.permanent.clone();
        cut.truncate(cut.len() / 2);
        for bad in [Vec::new(), vec![0; 2000], cut] {
            assert_eq!(start(version, bad), Some(EngineError::BadState), "TPM {version}");
        }
        let other = BOTH.into_iter().find(|other| *other != version).unwrap();
        assert_eq!(start(other, state.permanent.clone()), Some(EngineError::BadState));
        assert_eq!(start(version, state.permanent), None, "TPM {version}: good after bad");
    }
}

#[test]
fn tpm20_says_that_its_largest_packet_is_what_fits_the_page() {
    let _alone = alone();
    let mut engine = fresh(TpmVersion::Tpm20);
    for property in ["0000011e", "0000011f"] {
        // TPM2_PT_MAX_COMMAND_SIZE, TPM2_PT_MAX_RESPONSE_SIZE
        let question = format!("8001 00000000 0000017a 00000006 {property} 00000001");
        let response = run(&mut engine, &command(&question));
        let told = u32::from_be_bytes(response[23..27].try_into().unwrap());
        assert_eq!(usize::try_from(told), Ok(MAX_PACKET_BYTES), "{property}");
    }
}

#[test]
fn no_response_is_larger_than_the_page_allows() {
    let _alone = alone();
    // the most random bytes that can be asked for, and a command over the limit
    let questions = [
        (TpmVersion::Tpm12, command("00c1 00000000 00000046 00001000")),
        (TpmVersion::Tpm20, command("8001 00000000 0000017b ffff")),
        (TpmVersion::Tpm12, command(&format!("00c1 00000000 00000047 {}", "00".repeat(5000)))),
        (TpmVersion::Tpm20, command(&format!("8001 00000000 00000146 {}", "00".repeat(5000)))),
    ];
    for (version, question) in questions {
        let response = fresh(version).execute(Locality::ZERO, &question).unwrap();
        assert!(
            (10..=MAX_PACKET_BYTES).contains(&response.len()),
            "TPM {version}: {}",
            response.len()
        );
    }
}

#[test]
fn locality_reaches_the_engine() {
    let _alone = alone();
    let mut engine = fresh(TpmVersion::Tpm20);
    // TPM2_PCR_Reset of PCR 20: localities 2 and 4 only (TCG PC Client PTP 1.05, table 5)
    let reset = command("8002 00000000 0000013d 00000014 00000009 40000009 0000 01 0000");
    let refused = engine.execute(Locality::ZERO, &reset).unwrap();
    assert_eq!(code(&refused), 0x907, "TPM_RC_LOCALITY");
    let done = engine.execute(Locality::new(2).unwrap(), &reset).unwrap();
    assert_eq!(code(&done), 0);
}

#[test]
fn a_command_with_an_encrypted_parameter_is_not_written_to() {
    // Unbound and unsalted, with XOR: the key of the session is empty, and so may its HMAC be.
    const START_SESSION: &str = "8001 00000000 00000176 40000007 40000007 \
        0010 11111111111111111111111111111111 0000 00 000a 000b 000b";
    let _alone = alone();
    let mut engine = fresh(TpmVersion::Tpm20);
    let started = run(&mut engine, &command(START_SESSION));
    let session = u32::from_be_bytes(started[10..14].try_into().unwrap());
    // TPM2_StirRandom, whose data libtpms decrypts where they lie.
    let stir = command(&format!(
        "8002 00000000 00000146 00000019 {session:08x} 0010 {} 21 0000 0010 {}",
        "22".repeat(16),
        "33".repeat(16)
    ));
    let given = stir.clone();
    run(&mut engine, &given);
    assert_eq!(given, stir);
}
