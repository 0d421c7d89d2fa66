//! An xl configuration file, read by libxlutil as xl reads it.
#![allow(unsafe_code, reason = "libxlutil's calls")]

use crate::layout::{XluConfig, XluList};
use crate::library::Library;
use crate::messages::Messages;
use crate::said::cause_first;
use libc::{EINVAL, ESRCH};
use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt;
use std::ptr;

/// A whole configuration file: quotes, comments, lists over several lines, `+=`, `;` and all.
pub struct GuestFile {
    library: &'static Library,
    config: *mut XluConfig,
    messages: Messages,
}

/// A setting of a file: a text or a list of texts. Numbers are texts, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `name = "text"` or `name = 5`.
    Text(String),
    /// `name = [ "text", … ]`; an item that is itself a list is `None`.
    List(Vec<Option<String>>),
}

/// libxlutil cannot read a file. Its own words, with file name and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile(pub String);

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(cause_first(&self.0).first().unwrap_or(&"the file cannot be read"))
    }
}

impl BadFile {
    /// What libxlutil said besides the first mistake, which the error itself names.
    pub fn details(&self) -> impl Iterator<Item = &str> {
        cause_first(&self.0).into_iter().skip(1)
    }
}

impl std::error::Error for BadFile {}

impl GuestFile {
    /// Reads `text`; `name` stands in messages.
    ///
    /// # Errors
    /// What xl would say of the file.
    pub fn parse(library: &'static Library, name: &str, text: &[u8]) -> Result<Self, BadFile> {
        let bad = |why: &str| BadFile(format!("{name}: {why}"));
        let c_name = CString::new(name).map_err(|_| bad("its name holds a zero byte"))?;
        let length = c_int::try_from(text.len()).map_err(|_| bad("it is too long"))?;
        let messages = Messages::new().map_err(|error| bad(&error.to_string()))?;
        // SAFETY: the stream stays open as long as the configuration lives; the name is copied.
        let config = unsafe { (library.util.xlu_cfg_init)(messages.stream(), c_name.as_ptr()) };
        if config.is_null() {
            return Err(bad("no memory"));
        }
        let mut this = Self { library, config, messages };
        // SAFETY: `text` holds `length` bytes, which are only read during the call.
        let code =
            unsafe { (library.util.xlu_cfg_readdata)(this.config, text.as_ptr().cast(), length) };
        // After a failure only destroying is allowed, which dropping does.
        if code == 0 { Ok(this) } else { Err(BadFile(this.messages.take())) }
    }

    /// The setting of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Setting> {
        let name = CString::new(name).ok()?;
        if let Some(text) = self.text(&name) {
            return Some(Setting::Text(text));
        }
        self.list(&name).map(Setting::List)
    }

    fn text(&self, name: &CStr) -> Option<String> {
        let mut found: *const c_char = ptr::null();
        // SAFETY: the configuration was read without error; the answer is a string of its own.
        let code = unsafe {
            (self.library.util.xlu_cfg_get_string)(self.config, name.as_ptr(), &raw mut found, 1)
        };
        debug_assert!([0, ESRCH, EINVAL].contains(&code));
        // SAFETY: with code 0 it is a string that lives as long as the configuration.
        (code == 0 && !found.is_null()).then(|| unsafe { owned(found) })
    }

    fn list(&self, name: &CStr) -> Option<Vec<Option<String>>> {
        let (mut list, mut count): (*mut XluList, c_int) = (ptr::null_mut(), 0);
        // SAFETY: as above; `list` lives as long as the configuration.
        let code = unsafe {
            (self.library.util.xlu_cfg_get_list)(
                self.config,
                name.as_ptr(),
                &raw mut list,
                &raw mut count,
                1,
            )
        };
        (code == 0).then(|| (0..count).map(|at| self.item(list, at)).collect())
    }

    fn item(&self, list: *const XluList, at: c_int) -> Option<String> {
        // SAFETY: the list belongs to the configuration; null stands for an item without text.
        unsafe {
            let item = (self.library.util.xlu_cfg_get_listitem)(list, at);
            (!item.is_null()).then(|| owned(item))
        }
    }
}

impl Drop for GuestFile {
    fn drop(&mut self) {
        // SAFETY: made by xlu_cfg_init, not used any more; the stream is closed afterwards.
        unsafe { (self.library.util.xlu_cfg_destroy)(self.config) }
    }
}

/// # Safety
/// `text` ends with a zero.
unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: by this function's own condition.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
