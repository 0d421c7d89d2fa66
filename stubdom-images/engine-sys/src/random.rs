//! Randomness, asked for in a way that cannot fail in silence.
#![allow(unsafe_code, reason = "calls libcrypto's and the system's generators")]

use crate::ffi;
use core::ffi::c_int;

/// The most that getentropy(3) gives in one call.
const ENTROPY_CHUNK: usize = 256;

/// Fills `into` from libcrypto's generator, the one that libtpms uses. `false` when it failed; the
/// contents are then meaningless.
#[must_use]
pub fn fill_random(into: &mut [u8]) -> bool {
    into.chunks_mut(ENTROPY_CHUNK).all(|part| {
        let Ok(size) = c_int::try_from(part.len()) else { return false };
        // SAFETY: `part` is a valid writable buffer of `size` bytes for the whole call.
        unsafe { ffi::RAND_bytes(part.as_mut_ptr(), size) == 1 }
    })
}

/// Fills `into` from the system's entropy source, past libcrypto. `false` when it failed; the
/// contents are then meaningless.
#[must_use]
pub fn system_entropy(into: &mut [u8]) -> bool {
    into.chunks_mut(ENTROPY_CHUNK).all(|part| {
        // SAFETY: `part` is a valid writable buffer of the given size for the whole call.
        unsafe { ffi::getentropy(part.as_mut_ptr(), part.len()) == 0 }
    })
}
