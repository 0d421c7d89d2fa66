//! A domain's configuration, which libxl alone looks into.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::context::Context;
use crate::error::Error;
use crate::layout::RawConfig;
use std::ffi::CString;
use std::ptr;

/// A `libxl_domain_config` in a buffer several times larger than any release's, so that its layout
/// need not be known. Made from JSON: what `xl create --dryrun` prints.
pub struct DomainConfig<'c> {
    context: &'c Context,
    words: Box<[u64; DomainConfig::WORDS]>,
}

impl DomainConfig<'_> {
    /// Eight-byte words of the buffer: 16 KiB. Xen 4.17 needs 1288 bytes, 4.20 needs 1368. libxl never
    /// asks how large it is: it writes its own structure's size from the beginning on, and everything
    /// else lies behind pointers.
    pub(crate) const WORDS: usize = 2048;
}

impl<'c> DomainConfig<'c> {
    /// Reads a configuration in libxl's own JSON.
    ///
    /// # Errors
    /// libxl does not understand it.
    pub fn from_json(context: &'c Context, json: &str) -> Result<Self, Error> {
        let json = CString::new(json).map_err(|_| Error {
            call: "libxl_domain_config_from_json",
            code: crate::Code::INVALID,
            said: "the text holds a zero byte".into(),
        })?;
        let mut this = Self { context, words: Box::new([0; DomainConfig::WORDS]) };
        let (xl, raw) = (&context.library.xl, this.raw());
        // SAFETY: the buffer is aligned to 8 and larger than the structure in every release of
        // XenRelease; init makes it one that dispose may be called on, whatever from_json does.
        let code = unsafe {
            (xl.libxl_domain_config_init)(raw);
            (xl.libxl_domain_config_from_json)(context.ctx, raw, json.as_ptr())
        };
        context.checked("libxl_domain_config_from_json", code)?;
        Ok(this)
    }

    /// The same, in JSON.
    ///
    /// # Errors
    /// As libxl says.
    pub fn to_json(&mut self) -> Result<String, Error> {
        let raw = self.raw();
        // SAFETY: the structure was filled by from_json.
        let text =
            unsafe { (self.context.library.xl.libxl_domain_config_to_json)(self.context.ctx, raw) };
        let json = Context::given(text);
        self.context.checked("libxl_domain_config_to_json", if json.is_none() { -3 } else { 0 })?;
        Ok(json.unwrap_or_default())
    }

    /// Creates the domain, devices and all, and lets it run; its number. On failure nothing of the domain is left.
    ///
    /// # Errors
    /// As libxl says.
    pub fn create(&mut self) -> Result<u32, Error> {
        let domid = self.create_paused()?;
        self.context.let_run(domid)?;
        Ok(domid)
    }

    /// Creates the domain, devices and all; its number. It does nothing before [`Context::let_run`]. libxl runs
    /// disk and network scripts meanwhile. On failure nothing of the domain is left.
    ///
    /// Nobody restarts the domain when it ends, and nobody takes it away: that is the caller's to do
    /// (`on_reboot` and its like are acted on by xl, not by libxl).
    ///
    /// # Errors
    /// As libxl says.
    pub fn create_paused(&mut self) -> Result<u32, Error> {
        let (xl, raw) = (&self.context.library.xl, self.raw());
        let mut domid = crate::layout::INVALID_DOMID;
        // SAFETY: the structure was filled by from_json; the calls are over when they return.
        let code = unsafe {
            (xl.libxl_domain_create_new)(
                self.context.ctx,
                raw,
                &raw mut domid,
                ptr::null(),
                ptr::null(),
            )
        };
        self.context.checked("libxl_domain_create_new", code)?;
        Ok(domid)
    }

    pub(crate) fn raw(&mut self) -> *mut RawConfig {
        self.words.as_mut_ptr().cast()
    }

    pub(crate) const fn context(&self) -> &'c Context {
        self.context
    }
}

impl Context {
    /// Lets a domain run that was created paused. On failure nothing of it is left.
    ///
    /// # Errors
    /// As libxl says.
    pub fn let_run(&self, domid: u32) -> Result<(), Error> {
        // SAFETY: the context is open; the call is over when it returns.
        let code = unsafe { (self.library.xl.libxl_domain_unpause)(self.ctx, domid, ptr::null()) };
        self.checked("libxl_domain_unpause", code).map(drop).inspect_err(|_| {
            // The domain can do nothing; the first failure is the one to report.
            let _ = self.destroy(domid);
        })
    }
}

impl Drop for DomainConfig<'_> {
    fn drop(&mut self) {
        let raw = self.raw();
        // SAFETY: init was called; not used any more.
        unsafe { (self.context.library.xl.libxl_domain_config_dispose)(raw) }
    }
}
