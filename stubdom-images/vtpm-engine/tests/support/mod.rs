//! One engine at a time, and a few commands written out.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmVersion};

/// libtpms runs one TPM per process: a test holds this while it has an engine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes from hex with spaces; the size field (bytes 2 to 6) is filled in.
pub(crate) fn command(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let text = |pair: &[u8]| String::from_utf8(pair.to_vec()).unwrap();
    let mut bytes: Vec<u8> =
        digits.chunks(2).map(|pair| u8::from_str_radix(&text(pair), 16).unwrap()).collect();
    let size = u32::try_from(bytes.len()).unwrap();
    bytes[2..6].copy_from_slice(&size.to_be_bytes());
    bytes
}

pub(crate) fn startup(version: TpmVersion) -> Vec<u8> {
    match version {
        TpmVersion::Tpm12 => command("00c1 00000000 00000099 0001"),
        TpmVersion::Tpm20 => command("8001 00000000 00000144 0000"),
    }
}

/// 16 random bytes.
pub(crate) fn get_random(version: TpmVersion) -> Vec<u8> {
    match version {
        TpmVersion::Tpm12 => command("00c1 00000000 00000046 00000010"),
        TpmVersion::Tpm20 => command("8001 00000000 0000017b 0010"),
    }
}

/// A primary storage key under the owner: RSA 2048.
pub(crate) const CREATE_PRIMARY_RSA: &str = "8002 00000000 00000131 40000001 00000009 40000009 0000 01 \
    0000 0004 0000 0000 001a 0001 000b 00030072 0000 0006 0080 0043 0010 0800 00000000 0000 0000 \
    00000000";

/// TPM_CreateEndorsementKeyPair, RSA 2048.
pub(crate) const CREATE_EK_12: &str = "00c1 00000000 00000078 1111111111111111111111111111111111111111 \
    00000001 0003 0001 0000000c 00000800 00000002 00000000";

pub(crate) fn code(response: &[u8]) -> u32 {
    u32::from_be_bytes(response[6..10].try_into().unwrap())
}

/// Runs a command and insists on success.
pub(crate) fn run(engine: &mut LibTpms, command: &[u8]) -> Vec<u8> {
    let response = engine.execute(Locality::ZERO, command).expect("a response");
    assert_eq!(code(&response), 0, "{command:02x?} -> {response:02x?}");
    response
}

pub(crate) fn fresh(version: TpmVersion) -> LibTpms {
    let mut engine = LibTpms::start(StartConfig::new(version)).expect("a new TPM");
    run(&mut engine, &startup(version));
    engine
}

/// Starts Debian's swtpm on the same TPM state, past Startup(CLEAR). `None` when it is not here.
pub(crate) fn swtpm_like(
    engine: &LibTpms,
    folder: &std::path::Path,
) -> Option<(peers::Swtpm, peers::RawTpm)> {
    let (file, family) = match engine.version() {
        TpmVersion::Tpm12 => ("tpm-00.permall", peers::Family::Tpm12),
        TpmVersion::Tpm20 => ("tpm2-00.permall", peers::Family::Tpm20),
    };
    std::fs::write(folder.join(file), swtpm_file(&engine.state().unwrap().permanent)).unwrap();
    let swtpm = peers::unless_missing(peers::Swtpm::start_with_state(family, folder))?;
    let mut other = swtpm.connect().expect("swtpm accepts a connection");
    let response = other.transmit(&startup(engine.version())).expect("a response");
    assert_eq!(code(&response), 0, "swtpm takes the state");
    Some((swtpm, other))
}

/// swtpm's own frame around a state (swtpm 0.7, format 2): version, least version, header size,
/// flags, whole size; then one part: tag 1 (data), size.
fn swtpm_file(permanent: &[u8]) -> Vec<u8> {
    let size = u32::try_from(permanent.len()).unwrap();
    let header = [&[2, 1, 0, 10, 0, 0][..], &(size + 16).to_be_bytes(), &[0, 1]].concat();
    [&header, &size.to_be_bytes()[..], permanent].concat()
}

pub(crate) const BOTH: [TpmVersion; 2] = [TpmVersion::Tpm12, TpmVersion::Tpm20];
