//! A hardware TPM, or whoever sits on its bus, answers anything to what a manager's start asks.

use super::bytes::Bytes;
use super::liar::LyingTpm;
use domain_io::Clock;
use domain_io::test_utils::{FakeClock, FakeEntropy};
use std::fmt::Display;
use std::time::Duration;
use tpm_hw::{Found, Interface, flush, start, survey};
use tpm_wire::TpmVersion;
use vtpm_custody::{Access, Custody, Force, Former, Platform, Policy, is_ours};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

const SEALED_12: &[u8] =
    include_bytes!("../../../../stubdom-images/vtpm-custody/tests/samples/sealed-v2-tpm12.bin");
const SEALED_20: &[u8] =
    include_bytes!("../../../../stubdom-images/vtpm-custody/tests/samples/sealed-v2-tpm20.bin");
/// What the samples hold.
const SECRET: Secret = Secret::new([0x5A; 32]);

/// A TPM that is busy for ever is given up after a minute, at each of a few steps.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// The first byte chooses the version (1: TPM 1.2) and what is asked (in its upper part); then come
/// the answers.
///
/// # Panics
/// When the TPM is asked without end, a secret comes out that was never sealed, or an error has no
/// words.
pub fn tpm_answers(data: &[u8]) {
    let mut bytes = Bytes(data);
    let choice = bytes.byte();
    let version = if choice & 1 == 0 { TpmVersion::Tpm20 } else { TpmVersion::Tpm12 };
    let (mut tpm, clock) = (LyingTpm::new(&bytes), FakeClock::default());
    match (choice >> 1) % 5 {
        0 => said(Found::behind(Box::new(tpm), Interface::Fifo, true)),
        1 => said(start(&mut tpm, version, &clock)),
        2 => {
            said(flush(&mut tpm, version, &is_ours));
            if let Ok(found) = survey(&mut tpm, version) {
                assert!(found.lines().len() <= 3);
            }
        }
        3 => first_start(&mut tpm, version, &clock),
        _ => later_start(&mut tpm, version, &clock),
    }
    assert!(clock.now() < LIMIT, "{:?}", clock.now());
}

fn said<T>(result: Result<T, impl Display>) {
    if let Err(why) = result {
        assert!(!why.to_string().is_empty());
    }
}

fn first_start(tpm: &mut LyingTpm, version: TpmVersion, time: &FakeClock) {
    let mut entropy = FakeEntropy::new(1);
    let platform = Platform { tpm, time, entropy: &mut entropy };
    let mut custody = Custody::new(platform, version, Access::default());
    said(custody.first_start(&Policy { force: Force::Yes, ..Policy::default() }));
}

fn later_start(tpm: &mut LyingTpm, version: TpmVersion, time: &FakeClock) {
    let mut entropy = FakeEntropy::new(1);
    let platform = Platform { tpm, time, entropy: &mut entropy };
    let (kind, blob) = match version {
        TpmVersion::Tpm12 => (1, SEALED_12),
        TpmVersion::Tpm20 => (2, SEALED_20),
    };
    let sealed = SealedSecret { kind, blob: blob.to_vec() };
    let access = Access { version_changed: true, ..Access::default() };
    let mut custody = Custody::new(platform, version, access);
    match custody.unseal(&sealed) {
        Ok(secret) => assert!(secret == SECRET, "a secret that was never sealed"),
        Err(why) => assert!(!why.to_string().is_empty()),
    }
    said(custody.counter(&sealed, &SECRET).map(drop));
    said(custody.leftover_counter());
    said(custody.make_counter(&sealed, &SECRET, Former::Keep).map(drop));
}
