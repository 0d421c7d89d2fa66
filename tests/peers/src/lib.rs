//! Real peers for tests on the host: programs that others wrote, found where they are.
//!
//! A test that needs a peer which is not there, or anything else that a machine may not have, says so and passes
//! on a person's machine, and fails where `CI=true`: see [`unless_missing`] and [`skip`].
#![forbid(unsafe_code)]

mod find;
mod missing;
mod qemu;
mod socket;
mod swtpm;
mod xen;

pub use missing::{Missing, skip, unless_missing};
pub use qemu::{QemuTpm, TpmDevice};
pub use socket::RawTpm;
pub use swtpm::{Family, Swtpm};
pub use xen::XenTree;
