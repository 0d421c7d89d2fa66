//! setjmp and longjmp (C17 7.13).
//!
//! libtpms 2.0 sets a mark before it executes a command and jumps back to it when it finds itself
//! broken. It jumps over C frames only: the callbacks into Rust always return first.
#![allow(unsafe_code, reason = "setjmp returns twice, which only assembly can say")]

use super::variadic::symbol;

// `jmp_buf` has 200 bytes in glibc's layout, which the libraries were compiled with; 64 are used:
// the six registers that a call keeps, the stack pointer after the return, and the return address.
core::arch::global_asm!(
    concat!(".globl ", symbol!("_setjmp")),
    concat!(symbol!("_setjmp"), ":"),
    "mov [rdi], rbx",
    "mov [rdi + 8], rbp",
    "mov [rdi + 16], r12",
    "mov [rdi + 24], r13",
    "mov [rdi + 32], r14",
    "mov [rdi + 40], r15",
    "lea rdx, [rsp + 8]",
    "mov [rdi + 48], rdx",
    "mov rdx, [rsp]",
    "mov [rdi + 56], rdx",
    "xor eax, eax",
    "ret",
    concat!(".globl ", symbol!("__longjmp_chk")),
    concat!(symbol!("__longjmp_chk"), ":"),
    "mov eax, esi",
    // setjmp never returns 0 from a jump
    "test eax, eax",
    "jnz 2f",
    "inc eax",
    "2:",
    "mov rbx, [rdi]",
    "mov rbp, [rdi + 8]",
    "mov r12, [rdi + 16]",
    "mov r13, [rdi + 24]",
    "mov r14, [rdi + 32]",
    "mov r15, [rdi + 40]",
    "mov rsp, [rdi + 48]",
    "jmp [rdi + 56]",
);

#[cfg(test)]
mod tests {
    use super::symbol;

    // A C function in three lines of assembly: marks, then calls a function that jumps back.
    core::arch::global_asm!(
        "engine_crt_jump_test:",
        "push rbx",
        "sub rsp, 208",
        "mov ebx, edi",
        "mov rdi, rsp",
        concat!("call ", symbol!("_setjmp")),
        "test eax, eax",
        "jnz 3f",
        "mov rdi, rsp",
        "mov esi, ebx",
        "xor ebx, ebx",
        concat!("call ", symbol!("__longjmp_chk")),
        "3:",
        // the kept register must be what it was at the mark
        "shl rbx, 32",
        "or rax, rbx",
        "add rsp, 208",
        "pop rbx",
        "ret",
    );

    unsafe extern "C" {
        fn engine_crt_jump_test(value: i32) -> u64;
    }

    #[test]
    fn a_jump_comes_back_with_its_value_and_the_registers() {
        for (given, returned) in [(1, 1), (42, 42), (0, 1)] {
            // SAFETY: the test function keeps the C calling convention.
            let both = unsafe { engine_crt_jump_test(given) };
            assert_eq!(both & 0xffff_ffff, returned);
            assert_eq!(both >> 32, u64::try_from(given).unwrap());
        }
    }
}
