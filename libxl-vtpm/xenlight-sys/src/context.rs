//! A connection to Xen.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::error::{Code, Error};
use crate::layout::{ChildHooks, Ctx, LIBXL_VERSION, Logger, SELECTIVE_REAP, XTL_WARN};
use crate::library::Library;
use crate::messages::Messages;
use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};
use std::ptr;

/// libxl reaps the children that it starts, and no others: this program has its own.
static REAPING: ChildHooks =
    ChildHooks { owner: SELECTIVE_REAP, fork_replacement: None, reaped_callback: None };

/// libxl, ready to be asked. For one thread: libxl would allow more, its messages could not be told
/// apart then.
pub struct Context {
    pub(crate) library: &'static Library,
    pub(crate) ctx: *mut Ctx,
    logger: *mut Logger,
    messages: RefCell<Messages>,
}

impl Context {
    /// Opens the way to Xen.
    ///
    /// # Errors
    /// This is not domain 0, or the user may not.
    pub fn open(library: &'static Library) -> Result<Self, Error> {
        let failed = |said: String| Error { call: "libxl_ctx_alloc", code: Code(-3), said };
        let messages = Messages::new().map_err(|error| failed(error.to_string()))?;
        // SAFETY: the stream outlives the logger, which outlives the context (see drop).
        let logger =
            unsafe { (library.log.xtl_createlogger_stdiostream)(messages.stream(), XTL_WARN, 0) };
        let mut this = Self {
            library,
            ctx: ptr::null_mut(),
            logger: logger.cast(),
            messages: RefCell::new(messages),
        };
        let version = LIBXL_VERSION;
        // SAFETY: the logger begins with what libxl takes for one (xentoollog.h).
        let code =
            unsafe { (library.xl.libxl_ctx_alloc)(&raw mut this.ctx, version, 0, this.logger) };
        this.checked("libxl_ctx_alloc", code)?;
        // SAFETY: the hooks live for ever; no child of libxl's exists yet.
        unsafe {
            (library.xl.libxl_childproc_setmode)(this.ctx, &raw const REAPING, ptr::null_mut());
        }
        Ok(this)
    }

    /// The library behind it.
    #[must_use]
    pub const fn library(&self) -> &'static Library {
        self.library
    }

    /// A call's result, with what libxl said meanwhile when it failed.
    pub(crate) fn checked(&self, call: &'static str, code: c_int) -> Result<c_int, Error> {
        self.heard(call, code).map(|_| code)
    }

    /// What libxl said meanwhile, also of a call that succeeded.
    pub(crate) fn heard(&self, call: &'static str, code: c_int) -> Result<String, Error> {
        let said = self.messages.borrow_mut().take();
        if code < 0 { Err(Error { call, code: Code(code), said }) } else { Ok(said) }
    }

    /// A string that libxl made with malloc; freed here. `None` for null.
    pub(crate) fn given(text: *mut c_char) -> Option<String> {
        if text.is_null() {
            return None;
        }
        // SAFETY: libxl's strings end with a zero and are the caller's to free (libxl.h,
        // "Some of the functions return memory").
        unsafe {
            let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
            libc::free(text.cast());
            Some(copy)
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: null is fine for both; the context goes before the logger that it writes to, and
        // the logger before the stream, which is a field.
        unsafe {
            (self.library.xl.libxl_ctx_free)(self.ctx);
            (self.library.log.xtl_logger_destroy)(self.logger);
        }
    }
}
