//! The ways in which C gives up.
#![allow(unsafe_code, reason = "C passes strings as pointers")]

use crate::hooks;
use core::ffi::{CStr, c_char, c_uint};

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn abort() -> ! {
    (hooks::get().die)("the engine's C libraries called abort()")
}

/// The compiler's stack protector found a canary changed.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn __stack_chk_fail() -> ! {
    (hooks::get().die)("a C function of the engine overwrote its stack frame")
}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) unsafe extern "C" fn __assert_fail(
    expression: *const c_char,
    _file: *const c_char,
    _line: c_uint,
    _function: *const c_char,
) -> ! {
    // SAFETY: assert passes its expression as a string literal.
    let expression = unsafe { CStr::from_ptr(expression) };
    (hooks::get().print)(expression.to_bytes());
    (hooks::get().die)("the engine's C libraries found this assertion not to hold")
}
