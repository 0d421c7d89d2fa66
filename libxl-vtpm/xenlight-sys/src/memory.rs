//! Memory for a new domain, taken from domain 0 as xl does.
#![allow(unsafe_code, reason = "libxl's calls")]

use crate::config::DomainConfig;
use crate::error::Error;
use crate::layout::INVALID_DOMID;

/// How often domain 0's target is lowered before giving up, and how long each try may stand still
/// (Xen tools/xl/xl_vmcontrol.c, freemem).
const TRIES: usize = 3;
const STANDSTILL_SECONDS: i32 = 10;

impl DomainConfig<'_> {
    /// Sees to it that the host has as much free memory as the domain needs, by taking it from
    /// domain 0. `false` when domain 0 does not give enough. Call it only where xl would: see
    /// [`crate::Autoballoon`].
    ///
    /// # Errors
    /// As libxl says.
    pub fn free_memory(&mut self) -> Result<bool, Error> {
        let needed_kib = self.needed_memory_kib()?;
        for _ in 0..TRIES {
            let free_kib = self.free_memory_kib()?;
            if free_kib >= needed_kib {
                return Ok(true);
            }
            self.lower_domain_0(needed_kib - free_kib)?;
        }
        Ok(self.free_memory_kib()? >= needed_kib)
    }

    /// Memory in KiB that creating the domain takes, with Xen's own share.
    ///
    /// # Errors
    /// As libxl says.
    pub fn needed_memory_kib(&mut self) -> Result<u64, Error> {
        let (raw, mut kib) = (self.raw(), 0);
        let context = self.context();
        // SAFETY: the structure was filled by from_json; libxl fills in defaults.
        let code = unsafe {
            (context.library.xl.libxl_domain_need_memory)(
                context.ctx,
                raw,
                INVALID_DOMID,
                &raw mut kib,
            )
        };
        context.checked("libxl_domain_need_memory", code).map(|_| kib)
    }

    fn free_memory_kib(&self) -> Result<u64, Error> {
        let (context, mut kib) = (self.context(), 0);
        // SAFETY: the context is open.
        let code = unsafe { (context.library.xl.libxl_get_free_memory)(context.ctx, &raw mut kib) };
        context.checked("libxl_get_free_memory", code).map(|_| kib)
    }

    fn lower_domain_0(&self, by_kib: u64) -> Result<(), Error> {
        let context = self.context();
        let xl = &context.library.xl;
        let change = i64::try_from(by_kib).map_or(i64::MIN, |kib| -kib);
        // SAFETY: the context is open.
        let code = unsafe { (xl.libxl_set_memory_target)(context.ctx, 0, change, 1, 0) };
        context.checked("libxl_set_memory_target", code)?;
        // A domain 0 that stands still is no error yet: what is free decides.
        // SAFETY: as above.
        let code = unsafe { (xl.libxl_wait_for_memory_target)(context.ctx, 0, STANDSTILL_SECONDS) };
        let _ = context.checked("libxl_wait_for_memory_target", code);
        Ok(())
    }
}
