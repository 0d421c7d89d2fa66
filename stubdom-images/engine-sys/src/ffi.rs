//! The declarations of libtpms/tpm_library.h, tpm_memory.h (libtpms 0.9) and openssl/rand.h that
//! the engine uses.
#![allow(unsafe_code, reason = "declares foreign functions; calls none")]

use core::ffi::{c_char, c_int, c_uchar};

/// `TPM_RESULT` of libtpms/tpm_types.h.
pub(crate) type TpmResult = u32;

/// The call did what was asked (libtpms/tpm_error.h).
pub const TPM_SUCCESS: u32 = 0;
/// `TPM_BAD_PARAMETER`.
pub const TPM_BAD_PARAMETER: u32 = 3;
/// `TPM_FAIL`.
pub const TPM_FAIL: u32 = 9;
/// What a load callback answers for a blob that does not exist (`TPM_BASE + TPM_NON_FATAL`).
pub const TPM_RETRY: u32 = 0x800;

/// `TPMLIB_StateType`: the blob called `permall`.
pub(crate) const STATE_PERMANENT: c_int = 1;

/// `TPMLIB_InfoFlags`: specification, attributes and features.
pub(crate) const INFO_ALL: c_int = 7;

/// `struct libtpms_callbacks` of libtpms/tpm_library.h.
#[repr(C)]
pub(crate) struct Callbacks {
    pub(crate) size: c_int,
    pub(crate) nvram_init: extern "C" fn() -> TpmResult,
    pub(crate) nvram_load:
        unsafe extern "C" fn(*mut *mut c_uchar, *mut u32, u32, *const c_char) -> TpmResult,
    pub(crate) nvram_store:
        unsafe extern "C" fn(*const c_uchar, u32, u32, *const c_char) -> TpmResult,
    pub(crate) nvram_delete: unsafe extern "C" fn(u32, *const c_char, c_uchar) -> TpmResult,
    pub(crate) io_init: extern "C" fn() -> TpmResult,
    pub(crate) io_get_locality: unsafe extern "C" fn(*mut u32, u32) -> TpmResult,
    pub(crate) io_get_physical_presence: unsafe extern "C" fn(*mut c_uchar, u32) -> TpmResult,
}

unsafe extern "C" {
    pub(crate) fn TPMLIB_GetVersion() -> u32;
    pub(crate) fn TPMLIB_ChooseTPMVersion(version: c_int) -> TpmResult;
    pub(crate) fn TPMLIB_RegisterCallbacks(callbacks: *mut Callbacks) -> TpmResult;
    pub(crate) fn TPMLIB_SetDebugFD(fd: c_int);
    pub(crate) fn TPMLIB_SetBufferSize(wanted: u32, least: *mut u32, most: *mut u32) -> u32;
    pub(crate) fn TPMLIB_MainInit() -> TpmResult;
    pub(crate) fn TPMLIB_Terminate();
    pub(crate) fn TPMLIB_Process(
        response: *mut *mut c_uchar,
        response_size: *mut u32,
        response_capacity: *mut u32,
        command: *mut c_uchar,
        command_size: u32,
    ) -> TpmResult;
    pub(crate) fn TPMLIB_VolatileAll_Store(buffer: *mut *mut c_uchar, size: *mut u32) -> TpmResult;
    pub(crate) fn TPMLIB_SetState(kind: c_int, buffer: *const c_uchar, size: u32) -> TpmResult;
    pub(crate) fn TPMLIB_GetInfo(flags: c_int) -> *mut c_char;
    pub(crate) fn TPM_Malloc(buffer: *mut *mut c_uchar, size: u32) -> TpmResult;
    pub(crate) fn TPM_Free(buffer: *mut c_uchar);
    pub(crate) fn RAND_bytes(buffer: *mut c_uchar, size: c_int) -> c_int;
    pub(crate) fn getentropy(buffer: *mut c_uchar, size: usize) -> c_int;
}
