//! The memory behind libtpms's callbacks: three named blobs, the locality of the running command,
//! and physical presence.
//!
//! A callback only collects. Nothing here panics, so no unwinding crosses C.
#![allow(unsafe_code, reason = "C calls these functions with raw pointers")]

use crate::ffi::{Callbacks, TPM_BAD_PARAMETER, TPM_FAIL, TPM_Free, TPM_Malloc, TPM_RETRY};
use crate::ffi::{TPM_SUCCESS, TpmResult};
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int, c_uchar};

/// What libtpms keeps by name (libtpms/tpm_nvfilename.h). Everything in it is secret.
#[derive(Clone, Default)]
pub struct Stored {
    /// `permall`: what a TPM must never lose.
    pub permanent: Option<Vec<u8>>,
    /// `savestate`: what TPM_SaveState of TPM 1.2 left for Startup(ST_STATE).
    pub saved: Option<Vec<u8>>,
    /// `volatilestate`: everything else, read once when the library starts.
    pub volatile: Option<Vec<u8>>,
}

impl Stored {
    const EMPTY: Self = Self { permanent: None, saved: None, volatile: None };

    fn named(&mut self, name: &CStr) -> Option<&mut Option<Vec<u8>>> {
        match name.to_bytes() {
            b"permall" => Some(&mut self.permanent),
            b"savestate" => Some(&mut self.saved),
            b"volatilestate" => Some(&mut self.volatile),
            _ => None,
        }
    }
}

/// What the callbacks read and write.
pub(crate) struct Platform {
    pub(crate) stored: Stored,
    /// Set by each store or deletion that made a difference.
    pub(crate) changed: bool,
    /// A store that did not fit into memory: libtpms may have ignored our error.
    pub(crate) lost: bool,
    pub(crate) locality: u8,
    pub(crate) physical_presence: bool,
}

struct Shared(UnsafeCell<Platform>);

// SAFETY: the cell is reached only through `with`, whose contract leaves one user at a time.
unsafe impl Sync for Shared {}

static PLATFORM: Shared = Shared(UnsafeCell::new(Platform {
    stored: Stored::EMPTY,
    changed: false,
    lost: false,
    locality: 0,
    physical_presence: false,
}));

/// Works on the platform.
///
/// # Safety
/// The caller holds the one open [`crate::Library`], or is libtpms called by its holder, and
/// `work` calls neither libtpms nor `with`.
pub(crate) unsafe fn with<T>(work: impl FnOnce(&mut Platform) -> T) -> T {
    // SAFETY: the caller's promise makes this the only reference for as long as it lives.
    work(unsafe { &mut *PLATFORM.0.get() })
}

/// The table that libtpms copies when it is registered.
pub(crate) fn callbacks() -> Callbacks {
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "64 bytes")]
    Callbacks {
        size: size_of::<Callbacks>() as c_int,
        nvram_init: nothing_to_do,
        nvram_load: load,
        nvram_store: store,
        nvram_delete: delete,
        io_init: nothing_to_do,
        io_get_locality: locality,
        io_get_physical_presence: physical_presence,
    }
}

extern "C" fn nothing_to_do() -> TpmResult {
    TPM_SUCCESS
}

/// Gives libtpms a copy that it frees itself.
unsafe extern "C" fn load(
    data: *mut *mut c_uchar,
    length: *mut u32,
    _tpm: u32,
    name: *const c_char,
) -> TpmResult {
    // SAFETY: libtpms passes one of its own constant names.
    let name = unsafe { CStr::from_ptr(name) };
    let copy = |platform: &mut Platform| -> Result<(*mut c_uchar, u32), TpmResult> {
        let blob = platform.stored.named(name).ok_or(TPM_BAD_PARAMETER)?.as_ref();
        let blob = blob.ok_or(TPM_RETRY)?;
        let size = u32::try_from(blob.len()).map_err(|_| TPM_FAIL)?;
        let mut buffer = core::ptr::null_mut();
        // SAFETY: `buffer` is a valid place for a pointer. TPM_Malloc is libtpms's wrapper around
        // malloc and calls nothing back.
        let result = unsafe { TPM_Malloc(&raw mut buffer, size) };
        if result != TPM_SUCCESS {
            return Err(result);
        }
        // SAFETY: TPM_Malloc gave `size` bytes, which cannot overlap a Rust vector.
        unsafe { core::ptr::copy_nonoverlapping(blob.as_ptr(), buffer, blob.len()) };
        Ok((buffer, size))
    };
    // SAFETY: libtpms was called by the holder of the library; `copy` calls no function of it
    // that calls back.
    match unsafe { with(copy) } {
        Ok((buffer, size)) => {
            // SAFETY: both are libtpms's own variables, passed for being written.
            unsafe {
                *data = buffer;
                *length = size;
            }
            TPM_SUCCESS
        }
        Err(result) => result,
    }
}

unsafe extern "C" fn store(
    data: *const c_uchar,
    length: u32,
    _tpm: u32,
    name: *const c_char,
) -> TpmResult {
    // SAFETY: libtpms passes one of its own constant names.
    let name = unsafe { CStr::from_ptr(name) };
    let length = length as usize;
    let collect = |platform: &mut Platform| {
        let Some(place) = platform.stored.named(name) else { return TPM_BAD_PARAMETER };
        // SAFETY: libtpms passes a buffer of `length` bytes that lives during the call.
        let data = unsafe { core::slice::from_raw_parts(data, length) };
        if place.as_deref() == Some(data) {
            return TPM_SUCCESS;
        }
        let blob = place.get_or_insert_default();
        blob.clear();
        if blob.try_reserve_exact(length).is_err() {
            platform.lost = true;
            return TPM_FAIL;
        }
        blob.extend_from_slice(data);
        platform.changed = true;
        TPM_SUCCESS
    };
    // SAFETY: libtpms was called by the holder of the library; `collect` calls nothing of it.
    unsafe { with(collect) }
}

unsafe extern "C" fn delete(_tpm: u32, name: *const c_char, must_exist: c_uchar) -> TpmResult {
    // SAFETY: libtpms passes one of its own constant names.
    let name = unsafe { CStr::from_ptr(name) };
    let remove = |platform: &mut Platform| {
        let Some(place) = platform.stored.named(name) else { return TPM_BAD_PARAMETER };
        if place.take().is_some() {
            platform.changed = true;
        } else if must_exist != 0 {
            return TPM_FAIL;
        }
        TPM_SUCCESS
    };
    // SAFETY: libtpms was called by the holder of the library; `remove` calls nothing of it.
    unsafe { with(remove) }
}

unsafe extern "C" fn locality(into: *mut u32, _tpm: u32) -> TpmResult {
    // SAFETY: libtpms was called by the holder of the library, and `into` is its own variable.
    unsafe { *into = with(|platform| u32::from(platform.locality)) };
    TPM_SUCCESS
}

unsafe extern "C" fn physical_presence(into: *mut c_uchar, _tpm: u32) -> TpmResult {
    // SAFETY: libtpms was called by the holder of the library, and `into` is its own variable.
    unsafe { *into = with(|platform| c_uchar::from(platform.physical_presence)) };
    TPM_SUCCESS
}

/// Takes over a buffer that libtpms allocated for its caller.
///
/// # Safety
/// `buffer` is null or came from libtpms with at least `size` bytes, and nobody else frees it.
pub(crate) unsafe fn adopt(buffer: *mut c_uchar, size: usize) -> Option<Vec<u8>> {
    if buffer.is_null() {
        return None;
    }
    let mut copy = Vec::new();
    let fits = copy.try_reserve_exact(size).is_ok();
    if fits {
        // SAFETY: the caller's promise.
        copy.extend_from_slice(unsafe { core::slice::from_raw_parts(buffer, size) });
    }
    // SAFETY: the caller's promise; the buffer is not used again.
    unsafe { TPM_Free(buffer) };
    fits.then_some(copy)
}
