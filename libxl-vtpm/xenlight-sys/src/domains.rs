//! Domains: which there are, and ending them.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::UuidBytes;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::layout::DomInfo;
use crate::said::not_removed;
use std::ffi::{CString, c_int};
use std::mem::MaybeUninit;
use std::ptr;

/// What Xen says of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its number.
    pub domid: u32,
    /// Its uuid.
    pub uuid: UuidBytes,
    /// Why it has ended; `None` while it has not.
    pub shutdown: Option<ShutdownReason>,
    /// It is being taken apart.
    pub dying: bool,
    /// It is paused.
    pub paused: bool,
    /// Memory in KiB.
    pub memory_kib: u64,
}

/// Why a domain ended (Xen public/sched.h, SHUTDOWN_*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownReason {
    /// It powered itself off.
    Poweroff,
    /// It asked for a restart.
    Reboot,
    /// It was suspended.
    Suspend,
    /// It crashed.
    Crash,
    /// Its watchdog was not fed.
    Watchdog,
    /// Another number.
    Other(i32),
}

impl ShutdownReason {
    pub(crate) const fn from_number(number: c_int) -> Self {
        match number {
            0 => Self::Poweroff,
            1 => Self::Reboot,
            2 => Self::Suspend,
            3 => Self::Crash,
            4 => Self::Watchdog,
            other => Self::Other(other),
        }
    }
}

impl Domain {
    fn of(raw: &DomInfo) -> Self {
        Self {
            domid: raw.domid,
            uuid: raw.uuid.0,
            shutdown: (raw.shutdown != 0).then(|| ShutdownReason::from_number(raw.shutdown_reason)),
            dying: raw.dying != 0,
            paused: raw.paused != 0,
            memory_kib: raw.current_memkb,
        }
    }
}

impl Context {
    /// Every domain.
    ///
    /// # Errors
    /// As libxl says.
    pub fn domains(&self) -> Result<Vec<Domain>, Error> {
        let mut count = 0;
        // SAFETY: the context is open; the answer is an array of `count`, the caller's to free.
        let list = unsafe { (self.library.xl.libxl_list_domain)(self.ctx, &raw mut count) };
        self.checked("libxl_list_domain", if list.is_null() { -3 } else { 0 })?;
        let length = usize::try_from(count).unwrap_or(0);
        // SAFETY: as above; not used after it is freed.
        unsafe {
            let domains = std::slice::from_raw_parts(list, length).iter().map(Domain::of).collect();
            (self.library.xl.libxl_dominfo_list_free)(list, count);
            Ok(domains)
        }
    }

    /// One domain; `None` when there is none of this number.
    ///
    /// # Errors
    /// As libxl says.
    pub fn domain(&self, domid: u32) -> Result<Option<Domain>, Error> {
        let mut raw = MaybeUninit::<DomInfo>::uninit();
        let xl = &self.library.xl;
        // SAFETY: init fills the whole structure; dispose frees what info put into it.
        let (code, domain) = unsafe {
            (xl.libxl_dominfo_init)(raw.as_mut_ptr());
            let code = (xl.libxl_domain_info)(self.ctx, raw.as_mut_ptr(), domid);
            let domain = Domain::of(raw.assume_init_ref());
            (xl.libxl_dominfo_dispose)(raw.as_mut_ptr());
            (code, domain)
        };
        match self.checked("libxl_domain_info", code) {
            Ok(_) => Ok(Some(domain)),
            Err(error) if error.code() == Code::DOMAIN_NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The number of the domain that this name or number stands for, as xl takes it; `None` when
    /// there is none. A text of digits is always a number.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u32> {
        let (name, mut domid) = (CString::new(name).ok()?, 0);
        // SAFETY: the name ends with a zero.
        let code = unsafe {
            (self.library.xl.libxl_domain_qualifier_to_domid)(
                self.ctx,
                name.as_ptr(),
                &raw mut domid,
            )
        };
        self.checked("libxl_domain_qualifier_to_domid", code).ok()?;
        // A number is taken as it is.
        self.domain(domid).ok().flatten().map(|found| found.domid)
    }

    /// A domain's name.
    #[must_use]
    pub fn name_of(&self, domid: u32) -> Option<String> {
        // SAFETY: the context is open.
        Self::given(unsafe { (self.library.xl.libxl_domid_to_name)(self.ctx, domid) })
    }

    /// Asks a domain to end; does not wait until it has.
    ///
    /// # Errors
    /// As libxl says.
    pub fn shut_down(&self, domid: u32) -> Result<(), Error> {
        // SAFETY: without an asyncop_how the call is over when it returns.
        let code = unsafe { (self.library.xl.libxl_domain_shutdown)(self.ctx, domid, ptr::null()) };
        self.checked("libxl_domain_shutdown", code).map(drop)
    }

    /// Takes a domain apart, whatever it does. The backends' paths of devices that libxl could not remove: it
    /// succeeds all the same.
    ///
    /// # Errors
    /// As libxl says.
    pub fn destroy(&self, domid: u32) -> Result<Vec<String>, Error> {
        // SAFETY: as above.
        let code = unsafe { (self.library.xl.libxl_domain_destroy)(self.ctx, domid, ptr::null()) };
        self.heard("libxl_domain_destroy", code).map(|said| not_removed(&said))
    }
}
