//! What domain 0's kernel itself does with a TPM, and loses without it.

use crate::roots::{Roots, text};
use std::fmt;

/// A part of the kernel that uses the TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelUser {
    /// The random number generator takes entropy from it.
    HardwareRng {
        /// Whether it is the source in use, not only one at hand.
        current: bool,
    },
    /// IMA measures files into it.
    Ima {
        /// Entries of its log so far, the first of which says how the machine was booted.
        entries: u64,
    },
    /// Keys whose payload is sealed to it.
    TrustedKeys(usize),
}

impl KernelUser {
    /// One word for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::HardwareRng { .. } => "hwrng",
            Self::Ima { .. } => "ima",
            Self::TrustedKeys(_) => "trusted-keys",
        }
    }
}

impl fmt::Display for KernelUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HardwareRng { current: true } => f.write_str(
                "the kernel's random number generator draws from it; it goes on with its other \
                 sources",
            ),
            Self::HardwareRng { current: false } => {
                f.write_str("it is one of the kernel's sources of randomness at hand")
            }
            Self::Ima { entries } => write!(
                f,
                "IMA has measured {entries} entries into PCR 10; further ones stay in the \
                 kernel's list and reach no PCR"
            ),
            Self::TrustedKeys(count) => write!(
                f,
                "{count} trusted keys are loaded; they go on working, no other can be loaded"
            ),
        }
    }
}

/// Everything in the kernel that uses the TPM. `/sys/kernel/security` tells of IMA only where it
/// is mounted, which systemd and Debian's start scripts do.
#[must_use]
pub fn kernel_users(roots: &Roots) -> Vec<KernelUser> {
    [hardware_rng(roots), ima(roots), trusted_keys(roots)].into_iter().flatten().collect()
}

fn hardware_rng(roots: &Roots) -> Option<KernelUser> {
    let read = |file| text(&roots.path("sys/class/misc/hw_random").join(file));
    let current = read("rng_current")?.starts_with("tpm-rng");
    let at_hand = read("rng_available")?.split_whitespace().any(|rng| rng.starts_with("tpm-rng"));
    (current || at_hand).then_some(KernelUser::HardwareRng { current })
}

/// One entry alone is there without any policy and measures nothing that still comes.
fn ima(roots: &Roots) -> Option<KernelUser> {
    let count = roots.path("sys/kernel/security/integrity/ima/runtime_measurements_count");
    let entries = text(&count)?.parse().ok()?;
    (entries > 1).then_some(KernelUser::Ima { entries })
}

fn trusted_keys(roots: &Roots) -> Option<KernelUser> {
    let keys = text(&roots.path("proc/keys"))?;
    let is_trusted = |line: &&str| line.split_whitespace().nth(7) == Some("trusted");
    let count = keys.lines().filter(is_trusted).count();
    (count > 0).then_some(KernelUser::TrustedKeys(count))
}
