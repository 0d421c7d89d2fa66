//! Everything that there is to know before the TPM is handed over.

use crate::acpi::Table;
use crate::chip::Chip;
use crate::error::Error;
use crate::firmware::Device;
use crate::kept::{Kept, is_kept};
use crate::kernel_users::{KernelUser, kernel_users};
use crate::lines::Lines;
use crate::range::{self, Range};
use crate::roots::Roots;
use crate::users::{User, users};

/// What was found. It holds for the moment at which it was taken.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Whether this is domain 0 of Xen.
    pub domain_0: bool,
    /// The TPMs that a driver holds, those of other domains and of programs included.
    pub chips: Vec<Chip>,
    /// The devices by which firmware announces the hardware TPM.
    pub devices: Vec<Device>,
    /// What firmware says about it.
    pub table: Option<Table>,
    /// The addresses that firmware reserved for it; empty where it does not say.
    pub reserved: Vec<Range>,
    /// Programs that have it open.
    pub users: Vec<User>,
    /// Parts of the kernel that use it.
    pub kernel_users: Vec<KernelUser>,
    /// Whether domain 0 lets go of it at each boot.
    pub kept: Kept,
}

impl Survey {
    /// Looks.
    ///
    /// # Errors
    /// [`Error::Unreadable`], mostly for want of rights, and [`Error::Table`].
    pub fn take(roots: &Roots) -> Result<Self, Error> {
        let (chips, devices) = (Chip::all(roots), Device::all(roots));
        let mut reserved = Vec::new();
        for device in &devices {
            reserved.extend(device.ranges(roots)?);
        }
        let nodes: Vec<_> = Chip::mapped(&chips).flat_map(Chip::nodes).collect();
        let held = !nodes.is_empty();
        Ok(Self {
            domain_0: roots.is_domain_0(),
            table: Table::read(roots)?,
            reserved: range::joined(reserved),
            users: if held { users(roots, &nodes)? } else { Vec::new() },
            kernel_users: if held { kernel_users(roots) } else { Vec::new() },
            kept: is_kept(roots),
            chips,
            devices,
        })
    }

    /// The hardware TPM, while a driver holds it.
    #[must_use]
    pub fn holder(&self) -> Option<&Chip> {
        Chip::mapped(&self.chips).next()
    }

    /// The lines for the manager's configuration.
    ///
    /// # Errors
    /// Why this TPM cannot be handed over.
    pub fn lines(&self) -> Result<Lines, Error> {
        Lines::of(self.table.as_ref(), &self.chips, &self.reserved)
    }
}
