//! The words on a manager's command line that concern the hardware TPM.

mod auth;
mod parse;
#[cfg(test)]
mod tests;
mod words;

pub use auth::Auth;
pub use parse::{Argument, ArgumentError, Remark};
pub use words::{Driver, StartMethod, VersionOutcome};

use crate::locality::{Locality, REGISTER_PAGE_BYTES, register_page};
use alloc::vec::Vec;
use core::ops::Range;

/// Where locality 0 of a TPM is on every PC (TIS 1.3, 5.2).
pub(crate) const USUAL_BASE: u64 = 0xFED4_0000;

/// What a manager was told about the hardware TPM. [`HardwareArguments::default`] is what holds
/// when nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HardwareArguments {
    /// `tpm2` or `tpm2=1`: the hardware TPM is expected to be a TPM 2.0.
    pub tpm2: bool,
    /// `version=changed`: `tpm2` was added or dropped over existing state on purpose.
    pub version_changed: bool,
    /// `tpmdriver=` and `hwtpm=none`: how the hardware TPM is reached.
    pub driver: Driver,
    /// `tpmiomem=`: physical addresses given to this domain. The first range starts with the
    /// page of locality 0; further ranges hold buffers. Empty: the five pages at `0xfed40000`.
    pub iomem: Vec<Range<u64>>,
    /// `tpmcontrol=`: a CRB device's control area, when it is not in a register page.
    pub control_area: Option<u64>,
    /// `tpmlocality=`.
    pub locality: Locality,
    /// `owner_auth=`, TPM 1.2 only.
    pub owner_auth: Auth,
    /// `srk_auth=`, TPM 1.2 only.
    pub srk_auth: Auth,
    /// `srk_handle=`, TPM 2.0 only: an existing key to use as parent instead of a new primary.
    pub srk_handle: Option<u32>,
}

impl HardwareArguments {
    /// The physical address of locality 0's register page.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.iomem.first().map_or(USUAL_BASE, |range| range.start)
    }

    /// The ranges to map: of the first one only the locality's own page, as upstream does, since
    /// the domain may have been given no other. A control area elsewhere has no localities, and
    /// buffers may follow it in the same range: then all of it.
    #[must_use]
    pub fn to_map(&self) -> Vec<Range<u64>> {
        if self.control_area.is_some() && !self.iomem.is_empty() {
            return self.iomem.clone();
        }
        let page = register_page(self.locality, self.base());
        let registers = page..page.saturating_add(REGISTER_PAGE_BYTES);
        let rest = self.iomem.iter().skip(1).cloned();
        core::iter::once(registers).chain(rest).collect()
    }
}
