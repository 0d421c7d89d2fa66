//! Five system calls, where an image asks its guest runtime.
#![allow(unsafe_code, reason = "system calls")]

use core::arch::asm;
use core::time::Duration;

const WRITE: usize = 1;
const ARCH_PRCTL: usize = 158;
const CLOCK_GETTIME: usize = 228;
const EXIT_GROUP: usize = 231;
const GETRANDOM: usize = 318;

/// # Safety
/// As the manual page of the call says.
unsafe fn call(number: usize, first: usize, second: usize, third: usize) -> isize {
    let result;
    // SAFETY: the instruction changes rax, rcx and r11 only, besides what the call is asked to.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") third,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Writes to standard output.
pub(crate) fn write(text: &[u8]) {
    // SAFETY: write(2) reads the given bytes.
    unsafe { call(WRITE, 1, text.as_ptr().expose_provenance(), text.len()) };
}

/// Ends the program.
pub(crate) fn exit(code: u8) -> ! {
    loop {
        // SAFETY: exit_group(2) takes no pointer.
        unsafe { call(EXIT_GROUP, usize::from(code), 0, 0) };
    }
}

/// CLOCK_REALTIME is 0, CLOCK_MONOTONIC is 1.
fn clock(which: usize) -> Duration {
    let mut moment = [0_u64; 2];
    // SAFETY: clock_gettime(2) writes two words.
    unsafe { call(CLOCK_GETTIME, which, moment.as_mut_ptr().expose_provenance(), 0) };
    Duration::from_secs(moment[0]) + Duration::from_nanos(moment[1])
}

pub(crate) fn monotonic() -> Duration {
    clock(1)
}

pub(crate) fn wall() -> Duration {
    clock(0)
}

pub(crate) fn random(into: &mut [u8]) -> bool {
    // SAFETY: getrandom(2) writes at most that many bytes.
    let count = unsafe { call(GETRANDOM, into.as_mut_ptr().expose_provenance(), into.len(), 0) };
    usize::try_from(count) == Ok(into.len())
}

/// Sets the base of the segment whose byte 0x28 is the stack canary.
pub(crate) fn set_fs(base: usize) {
    const ARCH_SET_FS: usize = 0x1002;
    // SAFETY: arch_prctl(2) sets a register that only canaries use.
    unsafe { call(ARCH_PRCTL, ARCH_SET_FS, base, 0) };
}
