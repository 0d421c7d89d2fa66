//! The one open library.
#![allow(unsafe_code, reason = "calls libtpms")]

use crate::ffi::{self, TPM_FAIL, TPM_SUCCESS};
use crate::nv::{self, Stored};
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

/// Which of its two TPMs libtpms shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `TPMLIB_TPM_VERSION_1_2`.
    Tpm12,
    /// `TPMLIB_TPM_VERSION_2`.
    Tpm20,
}

/// A call that libtpms refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The call.
    pub call: &'static str,
    /// What it returned (`TPM_RESULT`).
    pub code: u32,
}

/// Why the library could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// libtpms keeps its TPM in process-wide variables, and somebody has it open.
    AlreadyOpen,
    /// libtpms refused.
    Failed(Failed),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOpen => f.write_str("this process already runs a TPM, and can run one"),
            Self::Failed(Failed { call, code }) => write!(f, "{call} returned {code:#x}"),
        }
    }
}

impl From<Failed> for OpenError {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

static OPEN: AtomicBool = AtomicBool::new(false);

/// libtpms, opened for one TPM version. Dropping it ends the TPM and lets the next one open it.
///
/// Exclusive by construction: there is one, and everything that enters libtpms takes `&mut self`.
/// It may move to another thread: neither archive keeps anything per thread.
pub struct Library {
    /// The running command, for libtpms to write in.
    command: Vec<u8>,
    response: *mut u8,
    capacity: u32,
    running: bool,
}

// SAFETY: `response` is a malloc buffer that only this value reaches; libtpms and this build of
// libcrypto (no-threads) have no thread-local state.
unsafe impl Send for Library {}

impl Library {
    /// Takes the library, empty, not started.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(version: Version, physical_presence: bool) -> Result<Self, OpenError> {
        if OPEN.swap(true, Ordering::Acquire) {
            return Err(OpenError::AlreadyOpen);
        }
        let response = core::ptr::null_mut();
        let mut library = Self { command: Vec::new(), response, capacity: 0, running: false };
        let number = match version {
            Version::Tpm12 => 0,
            Version::Tpm20 => 1,
        };
        // SAFETY: this is the one holder; no libtpms call is running.
        unsafe {
            nv::with(|platform| {
                platform.stored = Stored::default();
                platform.changed = false;
                platform.lost = false;
                platform.locality = 0;
                platform.physical_presence = physical_presence;
            });
        }
        let mut table = nv::callbacks();
        // SAFETY: no TPM runs, so the version may be chosen; libtpms copies the table.
        let (chosen, registered) = unsafe {
            ffi::TPMLIB_SetDebugFD(-1);
            (ffi::TPMLIB_ChooseTPMVersion(number), ffi::TPMLIB_RegisterCallbacks(&raw mut table))
        };
        check("TPMLIB_ChooseTPMVersion", chosen)?;
        check("TPMLIB_RegisterCallbacks", registered)?;
        library.clear_pending()?;
        Ok(library)
    }

    /// libtpms's version, as in 0x000902 for 0.9.2.
    #[must_use]
    pub fn release(&self) -> u32 {
        // SAFETY: reads a constant.
        unsafe { ffi::TPMLIB_GetVersion() }
    }

    /// What is stored now.
    #[must_use]
    pub fn stored(&self) -> Stored {
        // SAFETY: `self` is the one holder and libtpms is not running inside a `&self` call.
        unsafe { nv::with(|platform| platform.stored.clone()) }
    }

    /// Replaces what is stored; libtpms reads it at the next [`start`](Self::start).
    pub fn set_stored(&mut self, stored: Stored) {
        // SAFETY: `self` is the one holder and no libtpms call is running.
        unsafe { nv::with(|platform| platform.stored = stored) }
    }

    /// Whether the permanent or the saved blob was written since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        // SAFETY: `self` is the one holder and no libtpms call is running.
        unsafe { nv::with(|platform| core::mem::take(&mut platform.changed)) }
    }

    /// Whether a blob was ever lost for want of memory.
    #[must_use]
    pub fn has_lost_state(&self) -> bool {
        // SAFETY: `self` is the one holder and libtpms is not running inside a `&self` call.
        unsafe { nv::with(|platform| platform.lost) }
    }

    /// Makes the TPM start from this permanent blob, if libtpms can make a TPM of this version out
    /// of it; [`start`](Self::start) then never makes a new TPM. The TPM must not be running.
    ///
    /// # Errors
    /// [`Failed`] with libtpms's reason.
    pub fn set_permanent(&mut self, blob: Vec<u8>) -> Result<(), Failed> {
        const CALL: &str = "TPMLIB_SetState";
        let size = u32::try_from(blob.len()).map_err(|_| Failed { call: CALL, code: TPM_FAIL })?;
        // SAFETY: `blob` lives during the call, which copies it for the next TPMLIB_MainInit.
        check(CALL, unsafe { ffi::TPMLIB_SetState(ffi::STATE_PERMANENT, blob.as_ptr(), size) })?;
        let mut stored = self.stored();
        stored.permanent = Some(blob);
        self.set_stored(stored);
        Ok(())
    }

    /// Drops what an earlier start that failed may have left for the next one: a refused blob
    /// clears it, whereas setting no blob would ask for a new TPM.
    fn clear_pending(&mut self) -> Result<(), Failed> {
        let refused = [0];
        // SAFETY: `refused` is a readable buffer of one byte.
        let result = unsafe { ffi::TPMLIB_SetState(ffi::STATE_PERMANENT, refused.as_ptr(), 1) };
        match result {
            TPM_SUCCESS => Err(Failed { call: "TPMLIB_SetState", code: TPM_SUCCESS }),
            _ => Ok(()),
        }
    }

    /// Starts the TPM from what is stored, as power does; a TPM without a permanent blob is made.
    ///
    /// # Errors
    /// [`Failed`] with libtpms's reason.
    pub fn start(&mut self) -> Result<(), Failed> {
        self.stop();
        self.running = true;
        // SAFETY: version and callbacks are set, and no TPM runs.
        check("TPMLIB_MainInit", unsafe { ffi::TPMLIB_MainInit() })
    }

    /// Takes the power away. What is stored stays.
    pub fn stop(&mut self) {
        if self.running {
            self.running = false;
            // SAFETY: TPMLIB_MainInit was called and TPMLIB_Terminate was not since.
            unsafe { ffi::TPMLIB_Terminate() };
        }
    }

    /// Sets the longest command and response, within libtpms's bounds, and returns what it is now.
    pub fn set_buffer_size(&mut self, wanted: u32) -> u32 {
        let (mut least, mut most) = (0, 0);
        // SAFETY: both pointers are valid for writes during the call.
        unsafe { ffi::TPMLIB_SetBufferSize(wanted, &raw mut least, &raw mut most) }
    }

    /// Executes one command.
    ///
    /// # Errors
    /// [`Failed`] when there is no response: the TPM is not running, or memory ran out.
    pub fn process(&mut self, locality: u8, command: &[u8]) -> Result<&[u8], Failed> {
        const CALL: &str = "TPMLIB_Process";
        let refused = Failed { call: CALL, code: TPM_FAIL };
        let size = u32::try_from(command.len()).map_err(|_| refused)?;
        if !self.running {
            return Err(refused);
        }
        self.command.clear();
        self.command.try_reserve_exact(command.len()).map_err(|_| refused)?;
        self.command.extend_from_slice(command);
        // SAFETY: `self` is the one holder and no libtpms call is running.
        unsafe { nv::with(|platform| platform.locality = locality) };
        let mut response_size = 0;
        // SAFETY: `response` is null or a buffer of `capacity` bytes that libtpms allocated and may
        // replace. The command is a copy of `size` bytes: libtpms decrypts an encrypted parameter
        // where it lies (its tpm2/SessionProcess.c, ParseSessionBuffer).
        let result = unsafe {
            ffi::TPMLIB_Process(
                &raw mut self.response,
                &raw mut response_size,
                &raw mut self.capacity,
                self.command.as_mut_ptr(),
                size,
            )
        };
        // What was decrypted is secret.
        self.command.fill(0);
        check(CALL, result)?;
        if self.response.is_null() || response_size > self.capacity {
            return Err(refused);
        }
        // SAFETY: libtpms wrote `response_size` bytes, at most `capacity`; the borrow of `self`
        // keeps the next call away.
        Ok(unsafe { core::slice::from_raw_parts(self.response, response_size as usize) })
    }

    /// A copy of everything volatile. It holds keys and the random generator: it is secret, and
    /// whoever restores it must reseed.
    ///
    /// # Errors
    /// [`Failed`] when the TPM is not running or memory ran out.
    pub fn volatile(&mut self) -> Result<Vec<u8>, Failed> {
        const CALL: &str = "TPMLIB_VolatileAll_Store";
        let (mut buffer, mut size) = (core::ptr::null_mut(), 0);
        if !self.running {
            return Err(Failed { call: CALL, code: TPM_FAIL });
        }
        // SAFETY: both pointers are valid for writes during the call.
        check(CALL, unsafe { ffi::TPMLIB_VolatileAll_Store(&raw mut buffer, &raw mut size) })?;
        // SAFETY: on success libtpms hands over a buffer of `size` bytes.
        unsafe { nv::adopt(buffer, size as usize) }.ok_or(Failed { call: CALL, code: TPM_FAIL })
    }

    /// What libtpms says about itself, as one line of JSON.
    #[must_use]
    pub fn info(&self) -> Option<String> {
        // SAFETY: returns null or a NUL-terminated string that the caller frees.
        let text = unsafe { ffi::TPMLIB_GetInfo(ffi::INFO_ALL) };
        if text.is_null() {
            return None;
        }
        // SAFETY: not null, NUL-terminated, and ours.
        let length = unsafe { CStr::from_ptr(text) }.count_bytes();
        // SAFETY: the string came from libtpms's malloc and is not used again.
        let bytes = unsafe { nv::adopt(text.cast(), length) }?;
        String::from_utf8(bytes).ok()
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.stop();
        if !self.response.is_null() {
            // SAFETY: libtpms allocated the buffer and nothing refers to it any more.
            unsafe { ffi::TPM_Free(self.response) };
        }
        // SAFETY: `self` is the one holder until the next line.
        unsafe { nv::with(|platform| platform.stored = Stored::default()) };
        OPEN.store(false, Ordering::Release);
    }
}

fn check(call: &'static str, code: u32) -> Result<(), Failed> {
    if code == TPM_SUCCESS { Ok(()) } else { Err(Failed { call, code }) }
}
