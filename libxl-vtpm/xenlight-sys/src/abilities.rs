//! What kinds of domains this machine can run.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::context::Context;
use crate::error::Error;
use crate::layout::PhysInfo;

/// Eight-byte words for a `libxl_physinfo`: 512 bytes. Xen 4.17 needs 136, 4.20 four more; libxl fills its own
/// size from the beginning on, where the two are the same.
pub(crate) const WORDS: usize = 64;

/// What processor and Xen can do (libxl.h, `libxl_physinfo`; `virt_caps` of xl info).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Domains may be HVM and PVH.
    pub hvm: bool,
    /// Domains may be PV.
    pub pv: bool,
    /// HVM and PVH domains have hardware assisted paging.
    pub hap: bool,
}

impl Abilities {
    fn of(raw: &PhysInfo) -> Self {
        Self { hvm: raw.cap_hvm != 0, pv: raw.cap_pv != 0, hap: raw.cap_hap != 0 }
    }

    /// How a stub domain runs best here: `pvh` where it has hardware assisted paging, else `pv`, unless that
    /// is not there.
    #[must_use]
    pub const fn of_stub_domains(self) -> &'static str {
        if self.hvm && (self.hap || !self.pv) { "pvh" } else { "pv" }
    }
}

impl Context {
    /// What this machine can do.
    ///
    /// # Errors
    /// As libxl says.
    pub fn abilities(&self) -> Result<Abilities, Error> {
        let xl = &self.library.xl;
        let mut words = Box::new([0_u64; WORDS]);
        let raw: *mut PhysInfo = words.as_mut_ptr().cast();
        // SAFETY: the buffer is aligned to 8 and larger than the structure in every release (`proof`), and
        // zeros are a value of what is declared of it; init, get and dispose are called as libxl.h says.
        let (code, abilities) = unsafe {
            (xl.libxl_physinfo_init)(raw);
            let code = (xl.libxl_get_physinfo)(self.ctx, raw);
            let abilities = Abilities::of(&*raw);
            (xl.libxl_physinfo_dispose)(raw);
            (code, abilities)
        };
        self.checked("libxl_get_physinfo", code).map(|_| abilities)
    }
}

#[test]
fn stub_domains_are_pvh_where_that_is_fast_and_else_pv() {
    let kind = |hvm, pv, hap| Abilities { hvm, pv, hap }.of_stub_domains();
    assert_eq!(kind(true, true, true), "pvh");
    assert_eq!(kind(true, true, false), "pv", "doctor says the same");
    assert_eq!(kind(false, true, false), "pv");
    assert_eq!(kind(true, false, true), "pvh");
    assert_eq!(kind(true, false, false), "pvh", "a Xen without PV");
}
