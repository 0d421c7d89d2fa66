//! TPMs that a driver of domain 0's kernel holds.

use crate::firmware::DRIVERS;
use crate::roots::{Roots, link_name, names, text};
use std::fmt;
use tpm_wire::TpmVersion;

/// How a driver reaches a TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By mapped registers, which can be given to another domain.
    Mapped,
    /// Otherwise: over SPI, I2C or an older TPM's ports.
    Otherwise,
    /// It is no hardware: another domain's vTPM, or a program's.
    Virtual,
}

/// One TPM in `/sys/class/tpm`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The kernel's name for it, such as `tpm0`.
    pub name: String,
    /// The driver that holds it.
    pub driver: String,
    /// The bus it is on; empty for a program's TPM.
    pub bus: String,
    /// Its name on that bus.
    pub device: String,
    /// The version that the driver found; `None` when the kernel does not say.
    pub version: Option<TpmVersion>,
}

impl Chip {
    /// Every TPM that is held (sysfs).
    #[must_use]
    pub fn all(roots: &Roots) -> Vec<Self> {
        let class = roots.path("sys/class/tpm");
        names(&class).into_iter().filter_map(|name| Self::read(roots, name)).collect()
    }

    fn read(roots: &Roots, name: String) -> Option<Self> {
        let chip = roots.path("sys/class/tpm").join(&name);
        if !chip.is_dir() {
            return None;
        }
        let device = chip.join("device");
        let link = |name| link_name(&device.join(name)).unwrap_or_default();
        let version = match text(&chip.join("tpm_version_major")).as_deref() {
            Some("2") => Some(TpmVersion::Tpm20),
            Some("1") => Some(TpmVersion::Tpm12),
            _ => None,
        };
        let (driver, bus) = (link("driver"), link("subsystem"));
        Some(Self { name, driver, bus, device: link_name(&device).unwrap_or_default(), version })
    }

    /// The hardware TPM with mapped registers among these.
    pub(crate) fn mapped(chips: &[Self]) -> impl Iterator<Item = &Self> {
        chips.iter().filter(|chip| chip.reach() == Reach::Mapped)
    }

    /// How the driver reaches it.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self.bus.as_str() {
            "" | "xen" => Reach::Virtual,
            "pnp" | "platform" | "acpi" if DRIVERS.contains(&self.driver.as_str()) => Reach::Mapped,
            _ => Reach::Otherwise,
        }
    }

    /// The device files by which programs use it.
    #[must_use]
    pub fn nodes(&self) -> Vec<String> {
        let number = self.name.trim_start_matches("tpm");
        vec![self.name.clone(), format!("tpmrm{number}")]
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/dev/{}, held by {}", self.name, self.driver)?;
        write!(f, " (device {} on the {} bus)", self.device, self.bus)
    }
}
