//! Whether xl takes memory from domain 0 for a new domain.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::context::Context;
use crate::error::Error;
use crate::guest_file::{GuestFile, Setting};
use std::ffi::CStr;

/// `autoballoon=` of xl.conf (xl.conf(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autoballoon {
    /// Memory is taken from domain 0.
    On,
    /// It is not.
    Off,
    /// It is, unless Xen was told by `dom0_mem=` how much domain 0 has.
    Auto,
}

impl Autoballoon {
    /// What xl.conf says; xl's default where it says nothing, and what xl falls back to where it
    /// says something else.
    #[must_use]
    pub fn of(xl_conf: &GuestFile) -> Self {
        match xl_conf.get("autoballoon") {
            Some(Setting::Text(word)) if word == "on" || word == "1" => Self::On,
            Some(Setting::Text(word)) if word == "off" || word == "0" => Self::Off,
            _ => Self::Auto,
        }
    }

    /// Whether memory is to be taken from domain 0 on a Xen started with `command_line`.
    #[must_use]
    pub fn takes_memory(self, command_line: &str) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Auto => !command_line.split_whitespace().any(fixes_domain_0),
        }
    }
}

/// As xl's expression: `dom0_mem=` with amounts, each perhaps after `min:` or `max:`.
fn fixes_domain_0(word: &str) -> bool {
    let Some(amounts) = word.strip_prefix("dom0_mem=") else { return false };
    let amounts = amounts.strip_suffix(',').unwrap_or(amounts);
    amounts.split(',').all(is_amount)
}

fn is_amount(text: &str) -> bool {
    let number = text.strip_prefix("min:").or_else(|| text.strip_prefix("max:")).unwrap_or(text);
    let digits = number.strip_suffix(['b', 'B', 'k', 'K', 'm', 'M', 'g', 'G']).unwrap_or(number);
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

impl Context {
    /// The words that Xen was started with.
    ///
    /// # Errors
    /// As libxl says.
    pub fn xen_command_line(&self) -> Result<String, Error> {
        // SAFETY: the answer belongs to the context and is read before the next call.
        let info = unsafe { (self.library.xl.libxl_get_version_info)(self.ctx) };
        self.checked("libxl_get_version_info", if info.is_null() { -3 } else { 0 })?;
        // SAFETY: as above; a string that ends with a zero, or null.
        unsafe {
            let text = (*info).commandline;
            if text.is_null() {
                return Ok(String::new());
            }
            Ok(CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_memory_unless_xen_was_told_how_much_domain_0_has() {
        for fixed in ["dom0_mem=512M", "a dom0_mem=1G,max:2G b", "dom0_mem=max:512m", "dom0_mem=5,"]
        {
            assert!(!Autoballoon::Auto.takes_memory(fixed), "{fixed}");
            assert!(Autoballoon::On.takes_memory(fixed), "{fixed}");
        }
        for free in ["", "dom0_mem=", "xdom0_mem=512M", "dom0_mem=half", "dom0_max_vcpus=1"] {
            assert!(Autoballoon::Auto.takes_memory(free), "{free}");
            assert!(!Autoballoon::Off.takes_memory(free), "{free}");
        }
    }
}
