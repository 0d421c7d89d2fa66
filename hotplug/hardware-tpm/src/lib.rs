//! The hardware TPM of a machine that runs Xen, seen from domain 0: who holds it, what firmware
//! says about it, and how the manager domain gets it.
//!
//! A TPM serves one driver at a time, and nothing in it keeps a second one away. On stock Debian the
//! drivers `tpm_tis` and `tpm_crb` are built into domain 0's kernel and bind at boot; before the
//! manager can have the TPM, domain 0 has to let go of it. [`Survey::take`] looks, [`release`] and
//! [`give_back`] act, [`Lines`] is what the manager's configuration needs, [`keep`] makes the
//! hand-over last.
//!
//! ```no_run
//! use hardware_tpm::{Roots, Survey};
//! let survey = Survey::take(&Roots::default())?;
//! println!("{}", survey.lines()?);
//! # Ok::<(), hardware_tpm::Error>(())
//! ```
//!
//! Sources, by the short names used below: *ACPI* = TCG ACPI Specification 1.4 rev 15; *sysfs* =
//! Linux, Documentation/ABI (stable/sysfs-class-tpm, testing/sysfs-bus-*), measured on Debian's 6.1.
#![forbid(unsafe_code)]

mod acpi;
mod chip;
mod domains;
mod error;
mod firmware;
mod handover;
mod kept;
mod kernel_users;
mod lines;
mod range;
mod roots;
mod survey;
mod users;

pub use acpi::{LogArea, Table, TableError};
pub use chip::{Chip, Reach};
pub use error::Error;
pub use firmware::Device;
pub use handover::{GivenBack, Released, give_back, release};
pub use kept::{Kept, is_kept, keep, unkeep};
pub use kernel_users::{KernelUser, kernel_users};
pub use lines::Lines;
pub use range::Range;
pub use roots::Roots;
pub use survey::Survey;
pub use users::{User, users};
