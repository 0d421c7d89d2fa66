//! `rand()` and `srand()` as libtpms sees them.
//!
//! When libcrypto's generator fails, libtpms 2.0 goes on with rand(), seeded from the time, and
//! reports success (its tpm2/Entropy.c): primary seeds would be guessable. So on every target the
//! rand() it is linked with is this one. It draws from the system's entropy source, counts, and
//! remembers a failure for ever; the engine refuses to go on after one.
#![allow(unsafe_code, reason = "defines two C symbols that libtpms calls")]

use crate::random;
use core::ffi::{c_int, c_uint};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

static CALLS: AtomicU32 = AtomicU32::new(0);
static FAILED: AtomicBool = AtomicBool::new(false);

/// How often rand() was called since the program started.
#[must_use]
pub fn fallback_calls() -> u32 {
    CALLS.load(Ordering::Relaxed)
}

/// Whether rand() was ever called while the system's entropy source failed. What libtpms made
/// since then is guessable.
#[must_use]
pub fn fallback_failed() -> bool {
    FAILED.load(Ordering::Relaxed)
}

// SAFETY: the name is libc's, the signature is that of C17 7.22.2.1, and 0 to 2^31-1 is returned.
#[unsafe(no_mangle)]
extern "C" fn rand() -> c_int {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let mut word = [0; 4];
    if !random::system_entropy(&mut word) {
        FAILED.store(true, Ordering::Relaxed);
        return 0;
    }
    c_int::from_le_bytes(word) & c_int::MAX
}

// SAFETY: the name is libc's and the signature is that of C17 7.22.2.2.
#[unsafe(no_mangle)]
extern "C" fn srand(_seed: c_uint) {}
