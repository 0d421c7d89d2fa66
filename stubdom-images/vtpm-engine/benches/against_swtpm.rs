//! `cargo bench -p vtpm-engine`: key generation and signing against Debian's swtpm on the same
//! state, and how long each kind of command keeps the engine, which nothing can interrupt.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};
use support::*;
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmVersion};

/// Templates per side.
const KEYS: u16 = 100;

fn main() {
    against_swtpm();
    longest_commands();
}

fn timed<T>(total: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    *total += start.elapsed();
    result
}

/// An RSA 2048 key whose seed also depends on `unique`; `kind` is everything of its public area
/// between name algorithm and key bits.
fn primary(kind: &str, unique: u16) -> Vec<u8> {
    let kind_bytes = kind.split_whitespace().map(str::len).sum::<usize>() / 2;
    // type, name algorithm, key bits, exponent, size and bytes of unique
    let public_bytes = 2 + 2 + kind_bytes + 2 + 4 + 2 + 2;
    command(&format!(
        "8002 00000000 00000131 40000001 00000009 40000009 0000 01 0000 0004 0000 0000 \
         {public_bytes:04x} 0001 000b {kind} 0800 00000000 0002 {unique:04x} 0000 00000000"
    ))
}

const STORAGE: &str = "00030072 0000 0006 0080 0043 0010";
const SIGNING: &str = "00040472 0000 0010 0014 000b";

fn against_swtpm() {
    let mut ours = LibTpms::start(StartConfig::new(TpmVersion::Tpm20)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let Some((_swtpm, mut theirs)) = swtpm_like(&ours, folder.path()) else { return };
    run(&mut ours, &startup(TpmVersion::Tpm20));
    let (mut our, mut their) = (Duration::ZERO, Duration::ZERO);
    let flush = command("8001 00000000 00000165 80000000");
    for unique in 0..KEYS {
        let create = primary(STORAGE, unique);
        let our_key = timed(&mut our, || run(&mut ours, &create));
        let their_key = timed(&mut their, || theirs.transmit(&create)).unwrap();
        assert_eq!(our_key[14..290], their_key[14..290], "the same key");
        run(&mut ours, &flush);
        theirs.transmit(&flush).unwrap();
    }
    ratio("CreatePrimary RSA-2048, 100 templates", our, their);
    run(&mut ours, &primary(SIGNING, 0));
    theirs.transmit(&primary(SIGNING, 0)).unwrap();
    let sign = command(&format!(
        "8002 00000000 0000015d 80000000 00000009 40000009 0000 01 0000 0020 {} 0010 8024 \
         40000007 0000",
        "aa".repeat(32)
    ));
    // the first use of a key under dictionary attack protection answers TPM_RC_RETRY
    ours.execute(Locality::ZERO, &sign).unwrap();
    theirs.transmit(&sign).unwrap();
    (our, their) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..200 {
        timed(&mut our, || run(&mut ours, &sign));
        timed(&mut their, || theirs.transmit(&sign)).unwrap();
    }
    ratio("Sign RSASSA-2048, 200 times", our, their);
}

fn ratio(what: &str, our: Duration, their: Duration) {
    let ratio = our.as_secs_f64() / their.as_secs_f64();
    println!("{what}: engine {our:.1?}, swtpm {their:.1?}, ratio {ratio:.2} (at most 1.1)");
}

/// The commands that take longest, by kind, each on a TPM of its own where it fills a slot.
fn longest_commands() {
    let rsa3072 = CREATE_PRIMARY_RSA.replace("0010 0800", "0010 0c00");
    let kinds = [
        (TpmVersion::Tpm20, "SelfTest(full)", "8001 00000000 00000143 01"),
        (TpmVersion::Tpm20, "CreatePrimary RSA-2048", CREATE_PRIMARY_RSA),
        (TpmVersion::Tpm20, "CreatePrimary RSA-3072", &rsa3072),
        (
            TpmVersion::Tpm20,
            "Clear",
            "8002 00000000 00000126 4000000c 00000009 40000009 0000 01 0000",
        ),
        (TpmVersion::Tpm12, "SelfTestFull", "00c1 00000000 00000050"),
        (TpmVersion::Tpm12, "CreateEndorsementKeyPair", CREATE_EK_12),
    ];
    for (version, name, hex) in kinds {
        let mut times: Vec<Duration> = (0..20)
            .map(|_| {
                let mut engine = fresh(version);
                let mut took = Duration::ZERO;
                timed(&mut took, || run(&mut engine, &command(hex)));
                took
            })
            .collect();
        times.sort();
        println!("TPM {version} {name}: median {:.1?}, longest of 20 {:.1?}", times[10], times[19]);
    }
}
