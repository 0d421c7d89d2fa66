//! Real Xen under QEMU without KVM: boots it, runs scripts and claims in it, reports what held.
//!
//! In the order in which one run travels: [`place`] (where things lie), [`release`] (what is
//! booted), [`fetch`] (Debian packages, unpacked privately), [`image`] (dom0 and guest images made
//! of them), `kernel_tests` and `systemd` (what some claims need besides), [`machine`] (QEMU, its serial lines, its TPM), `boot` and `cut` (one boot and how it
//! ends), [`run`] (one script in dom0), [`shell`] (dom0 for people) and [`claims`] (scripts that each
//! prove one sentence).
#![forbid(unsafe_code)]

mod boot;
pub mod claims;
mod cut;
mod debian;
pub mod fetch;
pub mod image;
pub mod interrupt;
mod kernel_tests;
pub mod logs;
pub mod machine;
pub mod place;
pub mod program;
pub mod release;
pub mod run;
pub mod shell;
mod systemd;
