//! What the program does, by its first argument. Each run prints `name: value` lines.

use crate::ground::{HOOKS, pass_hours, say, set_entropy};
use crate::{heap, linux, soak, start};
use alloc::vec::Vec;
use tpm_wire::{Header, PacketBuilder, Tag, TpmVersion, tpm12, tpm20};
use vtpm_engine::{Engine, EngineError, LibTpms, Locality, StartConfig};

/// Both versions, as one letter.
const VERSIONS: [(TpmVersion, u8); 2] = [(TpmVersion::Tpm12, b'1'), (TpmVersion::Tpm20, b'2')];

/// An RSA 2048 storage key under the owner; the two bytes before the last eight are its `unique`.
const CREATE_PRIMARY_RSA: [u8; 69] = [
    0x80, 0x02, 0, 0, 0, 69, 0, 0, 0x01, 0x31, 0x40, 0, 0, 0x01, 0, 0, 0, 0x09, 0x40, 0, 0, 0x09,
    0, 0, 0x01, 0, 0, 0, 0x04, 0, 0, 0, 0, 0, 0x1c, 0, 0x01, 0, 0x0b, 0, 0x03, 0, 0x72, 0, 0, 0,
    0x06, 0, 0x80, 0, 0x43, 0, 0x10, 0x08, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0,
];

/// Runs what the mode names: `life`, `keys`, `no-entropy`, `late-no-entropy`, `memory`, or `soak1`
/// and `soak2` for the two versions.
pub(crate) fn run(mode: &[u8]) {
    engine_crt::install(&HOOKS);
    match mode {
        b"life" => VERSIONS.into_iter().for_each(|(version, _)| life(version)),
        b"keys" => keys(),
        b"no-entropy" => VERSIONS.into_iter().for_each(|(version, _)| no_entropy(version)),
        b"late-no-entropy" => late_no_entropy(),
        b"memory" => memory(),
        [b's', b'o', b'a', b'k', digit] => {
            let version = VERSIONS.into_iter().find(|(_, each)| each == digit);
            version.into_iter().for_each(|(version, _)| soak::run(&mut started(version)));
        }
        _ => say(format_args!("unknown mode")),
    }
    figures();
}

fn figures() {
    let heap = engine_crt::heap_usage();
    say(format_args!("stack used: {}", start::stack_used()));
    say(format_args!("heap peak: {}", heap.peak));
    say(format_args!("heap left: {}", heap.used));
    say(format_args!("allocations: {}", heap.allocations));
    for (name, count) in engine_crt::refusals() {
        say(format_args!("refused {name}: {count}"));
    }
}

/// A new TPM after Startup(CLEAR).
fn started(version: TpmVersion) -> LibTpms {
    let mut engine = LibTpms::start(StartConfig::new(version)).expect("a new TPM");
    let startup = match version {
        TpmVersion::Tpm12 => tpm12::startup(tpm12::StartupType::CLEAR),
        TpmVersion::Tpm20 => tpm20::startup(tpm20::StartupType::CLEAR),
    };
    succeed(&mut engine, &startup);
    engine
}

fn code(response: &[u8]) -> u32 {
    Header::parse(response).map_or(u32::MAX, |(header, _)| header.code)
}

fn succeed(engine: &mut LibTpms, command: &[u8]) -> Vec<u8> {
    let response = engine.execute(Locality::ZERO, command).expect("a response");
    assert_eq!(code(&response), 0, "{command:02x?}");
    response
}

/// Makes a key, power cycles, and finds the key again.
fn life(version: TpmVersion) {
    let mut engine = started(version);
    let key: fn(&mut LibTpms) -> Vec<u8> = match version {
        TpmVersion::Tpm12 => |engine| succeed(engine, &tpm12::read_pubek([0; 20])),
        TpmVersion::Tpm20 => |engine| succeed(engine, &CREATE_PRIMARY_RSA)[14..290].to_vec(),
    };
    if version == TpmVersion::Tpm12 {
        succeed(&mut engine, &tpm12::create_endorsement_key_pair([0; 20]));
    } else {
        succeed(&mut engine, &tpm20::self_test(true));
    }
    let before = key(&mut engine);
    let volatile = engine.volatile_state().expect("volatile state");
    engine.power_cycle().expect("a power cycle");
    let state = engine.state();
    drop(engine);
    let config = StartConfig { version, state, volatile: Some(volatile) };
    let mut engine = LibTpms::start(config).expect("a resumed TPM");
    assert!(before == key(&mut engine), "the key is another one");
    let (release, info) = engine.info();
    say(format_args!("TPM {version}: lives, libtpms {release:#x}, {info}"));
}

/// A hundred RSA keys and their time.
fn keys() {
    let mut engine = started(TpmVersion::Tpm20);
    let mut command = CREATE_PRIMARY_RSA;
    let before = engine_crt::heap_usage().allocations;
    let start = linux::monotonic();
    for number in 0..100 {
        command[61] = number;
        let response = succeed(&mut engine, &command);
        let handle = response[10..14].try_into().map_or(0, u32::from_be_bytes);
        let flush = PacketBuilder::new(Tag::NO_SESSIONS, 0x165).u32(handle);
        succeed(&mut engine, &flush.finish());
    }
    let took = linux::monotonic() - start;
    let allocations = engine_crt::heap_usage().allocations - before;
    say(format_args!("microseconds per key: {}", took.as_micros() / 100));
    say(format_args!("allocations per key: {}", allocations / 100));
}

/// Without entropy no TPM starts, and none was made.
fn no_entropy(version: TpmVersion) {
    set_entropy(false);
    let refused = LibTpms::start(StartConfig::new(version)).err();
    set_entropy(true);
    assert_eq!(refused, Some(EngineError::NoEntropy));
    drop(started(version));
    say(format_args!("TPM {version}: refused without entropy, started with it"));
}

/// Entropy that ends while a TPM runs ends the TPM before it hands out anything guessable: libcrypto's
/// generators go on until it is time to be reseeded, which is after an hour.
fn late_no_entropy() {
    let mut engine = started(TpmVersion::Tpm20);
    set_entropy(false);
    let stir = PacketBuilder::new(Tag::NO_SESSIONS, 0x146).sized(&[0; 32]).finish();
    succeed(&mut engine, &stir);
    pass_hours(2);
    let answer = engine.execute(Locality::ZERO, &stir);
    say(format_args!("StirRandom: {:?}", answer.as_deref().map(code)));
    set_entropy(true);
    let answer = engine.execute(Locality::ZERO, &tpm20::get_random(32));
    say(format_args!("GetRandom: {:?}", answer.as_deref().map(code)));
    say(format_args!("power cycle: {:?}", engine.power_cycle()));
}

/// Too little memory puts the TPM into failure mode, which is seen; a power cycle heals it.
fn memory() {
    let mut engine = started(TpmVersion::Tpm20);
    heap::limit(500);
    let answer = engine.execute(Locality::ZERO, &CREATE_PRIMARY_RSA);
    heap::limit(usize::MAX);
    say(format_args!("short of memory: {:?}", answer.as_deref().map(code)));
    let answer = engine.execute(Locality::ZERO, &tpm20::get_random(8));
    say(format_args!("then: {:?}", answer.as_deref().map(code)));
    say(format_args!("failed: {}", engine.has_failed()));
    say(format_args!("failed allocations: {}", engine_crt::heap_usage().failures));
    engine.power_cycle().expect("a power cycle");
    succeed(&mut engine, &tpm20::startup(tpm20::StartupType::CLEAR));
    succeed(&mut engine, &CREATE_PRIMARY_RSA);
    say(format_args!("healed: {}", !engine.has_failed()));
}
