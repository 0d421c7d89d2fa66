//! The devices by which firmware announces a TPM, whether a driver holds them or not.

use crate::error::Error;
use crate::range::{self, Range};
use crate::roots::{self, Roots, names, text};
use std::fmt;

/// Identifiers by which `tpm_tis` knows a TPM 1.2 on the PnP bus (Linux, drivers/char/tpm/tpm_tis.c).
const PNP_IDS: [&str; 7] =
    ["PNP0C31", "ATM1200", "IFX0102", "BCM0101", "BCM0102", "NSC1200", "ICO0102"];

/// The identifier of every TPM 2.0 (ACPI, 8.1).
const ACPI_ID: &str = "MSFT0101";

/// The buses in the order in which a TPM is looked for.
const BUSES: [&str; 3] = ["pnp", "platform", "acpi"];

/// The drivers of TPMs with mapped registers.
pub(crate) const DRIVERS: [&str; 2] = ["tpm_tis", "tpm_crb"];

/// A device on one of the kernel's buses that is a TPM with mapped registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The bus: `pnp`, `platform` or `acpi`.
    pub bus: String,
    /// The device's name on it, such as `MSFT0101:00`.
    pub name: String,
}

impl Device {
    /// Every device of that kind. One TPM 2.0 appears on two buses.
    #[must_use]
    pub fn all(roots: &Roots) -> Vec<Self> {
        let on = |bus: &'static str| {
            let devices = names(&roots.path(format!("sys/bus/{bus}/devices"))).into_iter();
            devices.map(move |name| Self { bus: bus.into(), name })
        };
        BUSES.into_iter().flat_map(on).filter(|device| device.is_tpm(roots)).collect()
    }

    fn is_tpm(&self, roots: &Roots) -> bool {
        let read = |file| text(&roots.path(self.dir()).join(file)).unwrap_or_default();
        if self.bus == "pnp" {
            return read("id")
                .lines()
                .any(|id| PNP_IDS.iter().any(|known| id.trim().eq_ignore_ascii_case(known)));
        }
        // As in acpi:INTC6000:MSFT0101: where a vendor puts its own identifier first.
        read("modalias").split(':').any(|id| id == ACPI_ID)
    }

    /// Its folder below the roots.
    pub(crate) fn dir(&self) -> String {
        format!("sys/bus/{}/devices/{}", self.bus, self.name)
    }

    /// The addresses that firmware reserved for it: its registers, and a CRB device's buffers.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn ranges(&self, roots: &Roots) -> Result<Vec<Range>, Error> {
        let resources = text(&roots.path(self.dir()).join("resources")).unwrap_or_default();
        let of_pnp = resources.lines().filter_map(|line| Range::parse(line.strip_prefix("mem ")?));
        let mut ranges: Vec<_> = of_pnp.collect();
        let path = roots.path("proc/iomem");
        let iomem = roots::bytes(&path)?.unwrap_or_default();
        let iomem = String::from_utf8_lossy(&iomem).into_owned();
        ranges.extend(iomem.lines().filter_map(|line| self.own(line)));
        Ok(range::joined(ranges))
    }

    /// From a line such as `  fed40000-fed44fff : MSFT0101:00 MSFT0101:00`.
    fn own(&self, line: &str) -> Option<Range> {
        let (addresses, owner) = line.split_once(" : ")?;
        let is_ours = owner.split(' ').next() == Some(&self.name);
        // Whoever may not see addresses is shown zeros.
        Range::parse(addresses).filter(|range| is_ours && range.start != 0)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on the {} bus", self.name, self.bus)
    }
}
