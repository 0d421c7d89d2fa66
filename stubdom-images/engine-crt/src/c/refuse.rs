//! Functions that need an operating system: each fails the way its manual page says.
#![allow(unsafe_code, reason = "defines C symbols")]

use super::errno::{self, ENOSYS};
use crate::refused as name;
use core::ffi::{c_int, c_long, c_void};
use core::ptr::null_mut;

/// The arguments are left out: with the C calling convention of x86-64 a function that takes none
/// may be called with any.
macro_rules! refuse {
    ($($function:ident -> $type:ty = $failure:expr, $name:ident;)*) => {$(
        #[cfg_attr(target_os = "none", unsafe(no_mangle))]
        pub(super) extern "C" fn $function() -> $type {
            name::$name.note();
            errno::set(ENOSYS);
            $failure
        }
    )*};
}

refuse! {
    closedir -> c_int = -1, CLOSEDIR;
    fclose -> c_int = -1, FCLOSE;
    fflush -> c_int = -1, FFLUSH;
    fopen -> *mut c_void = null_mut(), FOPEN;
    fread -> usize = 0, FREAD;
    fseek -> c_int = -1, FSEEK;
    ftell -> c_long = -1, FTELL;
    fwrite -> usize = 0, FWRITE;
    gmtime -> *mut c_void = null_mut(), GMTIME;
    nanosleep -> c_int = -1, NANOSLEEP;
    opendir -> *mut c_void = null_mut(), OPENDIR;
    readdir -> *mut c_void = null_mut(), READDIR;
    remove -> c_int = -1, REMOVE;
    __isoc99_sscanf -> c_int = -1, SSCANF;
    stat -> c_int = -1, STAT;
    syscall -> c_long = -1, SYSCALL;
}

/// There is no environment: OpenSSL's and libtpms's settings are what they were built with.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn getenv() -> *mut c_void {
    null_mut()
}

/// As [`getenv`].
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn secure_getenv() -> *mut c_void {
    null_mut()
}

/// There is one process, which never forks.
#[cfg_attr(target_os = "none", unsafe(no_mangle))]
pub(super) extern "C" fn getpid() -> c_int {
    1
}

/// Only ever passed to [`fwrite`], which refuses.
#[repr(transparent)]
pub(super) struct Stream(*mut c_void);

// SAFETY: the pointer is null and is never followed.
unsafe impl Sync for Stream {}

#[cfg_attr(target_os = "none", unsafe(no_mangle))]
#[cfg_attr(not(target_os = "none"), allow(non_upper_case_globals, reason = "C's name"))]
pub(super) static stderr: Stream = Stream(null_mut());

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn what_is_refused_fails_and_is_counted_by_name() {
        crate::c::tests::install();
        assert!(fopen().is_null());
        assert_eq!((fread(), stat(), gmtime().is_null()), (0, -1, true));
        let counted: Vec<String> = crate::refusals().map(|(name, _)| name.into()).collect();
        for name in ["fopen", "fread", "stat", "gmtime"] {
            assert!(counted.iter().any(|each| each == name), "{name} in {counted:?}");
        }
    }
}
