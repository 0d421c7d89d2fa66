//! The CPU's random number instructions.
#![allow(unsafe_code, reason = "RDRAND, RDSEED, and CPUID as Xen presents it")]

use super::health::Health;
use super::mixer;
use crate::boot::{Mode, mode};
use crate::clock;
use core::arch::asm;

/// How often an instruction that had nothing ready is tried again. For RDRAND ten times are enough
/// (Intel, Digital Random Number Generator guide, 5.2.1); RDSEED may be drained by a neighbour.
const TRIES: u32 = 200;

/// The instructions this CPU has, by the CPUID that Xen grants this domain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    rdrand: Option<Health>,
    rdseed: Option<Health>,
}

impl Sources {
    pub(crate) fn detect() -> Self {
        let has_leaf_7 = cpuid(0, 0).eax >= 7;
        let rdrand = cpuid(1, 0).ecx & 1 << 30 != 0;
        let rdseed = has_leaf_7 && cpuid(7, 0).ebx & 1 << 18 != 0;
        Self { rdrand: rdrand.then(Health::default), rdseed: rdseed.then(Health::default) }
    }

    /// A word of whatever works, both instructions mixed when both do.
    pub(crate) fn word(&mut self) -> Option<u64> {
        let draw = |health: &mut Option<Health>, step: fn() -> Option<u64>| {
            let health = health.as_mut()?;
            let word = (0..TRIES).find_map(|_| step())?;
            health.check(word)
        };
        let seed = draw(&mut self.rdseed, rdseed);
        let rand = draw(&mut self.rdrand, rdrand);
        match (seed, rand) {
            (Some(seed), Some(rand)) => Some(seed ^ rand.rotate_left(1)),
            (one, other) => one.or(other),
        }
    }
}

impl mixer::Sources for Sources {
    fn word(&mut self) -> Option<u64> {
        Self::word(self)
    }

    fn ticks(&mut self) -> u64 {
        clock::ticks()
    }
}

fn rdrand() -> Option<u64> {
    let (word, ready): (u64, u8);
    // SAFETY: only called when CPUID shows the instruction; it has no effect but on its registers.
    unsafe {
        asm!("rdrand {}", "setc {}", out(reg) word, out(reg_byte) ready, options(nomem, nostack))
    };
    (ready != 0).then_some(word)
}

fn rdseed() -> Option<u64> {
    let (word, ready): (u64, u8);
    // SAFETY: as for RDRAND.
    unsafe {
        asm!(
            "rdseed {}", "setc {}", "pause",
            out(reg) word, out(reg_byte) ready, options(nomem, nostack),
        );
    }
    (ready != 0).then_some(word)
}

struct Leaf {
    eax: u32,
    ebx: u32,
    ecx: u32,
}

/// CPUID as Xen wants this domain to see it. In PV the plain instruction may show the bare CPU, so
/// Xen's prefix asks for its own answer (Xen public/arch-x86/xen.h, `XEN_CPUID`).
fn cpuid(leaf: u32, subleaf: u32) -> Leaf {
    if mode() == Mode::Pvh {
        let found = core::arch::x86_64::__cpuid_count(leaf, subleaf);
        return Leaf { eax: found.eax, ebx: found.ebx, ecx: found.ecx };
    }
    let (eax, ebx, ecx): (u32, u64, u32);
    // SAFETY: Xen answers the sequence without any other effect; rbx, which the compiler keeps for
    // itself, is put back.
    unsafe {
        asm!(
            "mov {saved}, rbx",
            ".byte 0x0f, 0x0b, 0x78, 0x65, 0x6e",
            "cpuid",
            "xchg {saved}, rbx",
            saved = out(reg) ebx,
            inlateout("eax") leaf => eax,
            inlateout("ecx") subleaf => ecx,
            lateout("edx") _,
            options(nomem, nostack, preserves_flags),
        );
    }
    #[allow(clippy::cast_possible_truncation, reason = "CPUID returns 32 bits in each register")]
    Leaf { eax, ebx: ebx as u32, ecx }
}
