//! Functions with `...`: stable Rust cannot define them, so a few instructions put the registers
//! where a `va_list` finds them (System V ABI for x86-64, 3.5.7) and call the function that takes
//! one.
#![allow(unsafe_code, reason = "reads arguments as C passes them")]

use super::print::{__vasprintf_chk, __vdprintf_chk, __vsnprintf_chk};

/// The symbol's name: C's own on the bare target, another one where a C library has the name.
#[cfg(target_os = "none")]
macro_rules! symbol {
    ($name:literal) => {
        $name
    };
}
#[cfg(not(target_os = "none"))]
macro_rules! symbol {
    ($name:literal) => {
        concat!("engine_crt_test_", $name)
    };
}
pub(super) use symbol;

/// What `va_list` points to. Floating-point arguments are not kept: nothing here formats one.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct VaList {
    /// Bytes of `registers` already used; 48 when all six are.
    general: u32,
    floating: u32,
    stack: *const u64,
    registers: *const u8,
}

impl VaList {
    /// The next integer or pointer argument, with undefined upper bits if it is narrower.
    ///
    /// # Safety
    /// There is one.
    pub(super) unsafe fn next(&mut self) -> u64 {
        if self.general < 48 {
            // SAFETY: the save area holds six eight-byte registers, of which this one is unused.
            let value = unsafe { self.registers.add(self.general as usize).cast::<u64>().read() };
            self.general += 8;
            return value;
        }
        // SAFETY: the caller's promise: further arguments lie on the stack, eight bytes each.
        unsafe {
            let value = self.stack.read();
            self.stack = self.stack.add(1);
            value
        }
    }
}

/// `$name(...)` with `$fixed` named arguments calls `$target`, whose `va_list` comes next, in
/// `$register`.
macro_rules! variadic {
    ($name:literal, $fixed:literal, $register:literal, $target:path) => {
        core::arch::global_asm!(
            concat!(".globl ", symbol!($name)),
            concat!(symbol!($name), ":"),
            // 24 bytes of va_list, 8 to align, 48 of registers, 8 to align the stack
            "sub rsp, 88",
            "mov [rsp + 32], rdi",
            "mov [rsp + 40], rsi",
            "mov [rsp + 48], rdx",
            "mov [rsp + 56], rcx",
            "mov [rsp + 64], r8",
            "mov [rsp + 72], r9",
            concat!("mov dword ptr [rsp], 8 * ", $fixed),
            "mov dword ptr [rsp + 4], 176",
            "lea rax, [rsp + 96]",
            "mov [rsp + 8], rax",
            "lea rax, [rsp + 32]",
            "mov [rsp + 16], rax",
            concat!("mov ", $register, ", rsp"),
            "call {target}",
            "add rsp, 88",
            "ret",
            target = sym $target,
        );
    };
}

variadic!("__snprintf_chk", 5, "r9", __vsnprintf_chk);
variadic!("__asprintf_chk", 3, "rcx", __vasprintf_chk);
variadic!("__dprintf_chk", 3, "rcx", __vdprintf_chk);
