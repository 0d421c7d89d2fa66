//! What the image gives the C libraries.
#![allow(unsafe_code, reason = "reads a pointer that was stored from a static reference")]

use core::sync::atomic::{AtomicPtr, Ordering};
use core::time::Duration;

/// The ground that the C functions stand on. None of them may call into the C libraries.
pub struct Hooks {
    /// Time since a fixed moment; never runs backwards.
    pub monotonic: fn() -> Duration,
    /// Time since 1970-01-01 UTC, as well as it is known.
    pub wall: fn() -> Duration,
    /// Fills a buffer with bytes good enough for keys; `false` when it cannot.
    pub entropy: fn(&mut [u8]) -> bool,
    /// Shows a line of text to people.
    pub print: fn(&[u8]),
    /// Ends everything, with the reason.
    pub die: fn(&str) -> !,
}

static HOOKS: AtomicPtr<Hooks> = AtomicPtr::new(core::ptr::null_mut());

/// Gives the C functions their ground. To be called once, before the engine is first used; a later
/// call replaces it.
pub fn install(hooks: &'static Hooks) {
    HOOKS.store(core::ptr::from_ref(hooks).cast_mut(), Ordering::Release);
}

/// The installed hooks.
///
/// # Panics
/// When there are none: a fault of the image, met at its first start.
#[cfg(any(test, target_os = "none"))]
pub(crate) fn get() -> &'static Hooks {
    let hooks = HOOKS.load(Ordering::Acquire);
    // SAFETY: the pointer is null or was made from a `&'static Hooks`.
    unsafe { hooks.as_ref() }.expect("engine_crt::install comes before the engine's first use")
}
