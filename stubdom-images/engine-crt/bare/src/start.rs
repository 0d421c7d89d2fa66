//! The first instructions: a stack of a known size, painted, and the canary.
#![allow(unsafe_code, reason = "start-up code and the stack it stands on")]

use crate::{heap, linux, runs};
use core::cell::UnsafeCell;

/// As much as the image gives.
const STACK_BYTES: usize = 64 << 10;

/// What an unused byte of the stack holds.
const PAINT: u8 = 0xaa;

#[repr(C, align(64))]
struct Shared<T>(UnsafeCell<T>);

// SAFETY: there is one thread.
unsafe impl<T> Sync for Shared<T> {}

static STACK: Shared<[u8; STACK_BYTES]> = Shared(UnsafeCell::new([0; STACK_BYTES]));
static CANARY: Shared<[u64; 8]> = Shared(UnsafeCell::new([0; 8]));

// Linux passes the arguments on the first stack, which is not used any further.
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    // paint the stack, which is all below its end
    "mov rbx, rdi",
    "lea rdi, [rip + {stack}]",
    "mov ecx, {size}",
    "mov al, {paint}",
    "rep stosb",
    "mov rsp, rdi",
    "mov rdi, rbx",
    "call {begin}",
    "ud2",
    stack = sym STACK,
    size = const STACK_BYTES,
    paint = const PAINT,
    begin = sym begin,
);

unsafe extern "C" fn begin(arguments: *const *const u8) -> ! {
    let mut canary = [0; 8];
    if !linux::random(&mut canary) {
        linux::exit(3);
    }
    // SAFETY: one thread; nothing with a canary check has run yet.
    unsafe { (*CANARY.0.get())[5] = u64::from_le_bytes(canary) };
    linux::set_fs(CANARY.0.get().expose_provenance());
    heap::start();
    // SAFETY: at process start the stack holds argc, then argc pointers to strings.
    let mode = unsafe {
        match arguments.cast::<usize>().read() {
            0 | 1 => &b"life"[..],
            _ => core::ffi::CStr::from_ptr(arguments.add(2).read().cast()).to_bytes(),
        }
    };
    runs::run(mode);
    linux::exit(0)
}

/// How many bytes of the stack were ever used.
pub(crate) fn stack_used() -> usize {
    let first: *const u8 = STACK.0.get().cast();
    let mut unused = 0;
    // SAFETY: the bytes lie in the stack, below everything in use; they are read volatile since
    // whoever called wrote others of the same static.
    while unused < STACK_BYTES && unsafe { first.add(unused).read_volatile() } == PAINT {
        unused += 1;
    }
    STACK_BYTES - unused
}

#[panic_handler]
fn panicked(info: &core::panic::PanicInfo<'_>) -> ! {
    crate::ground::say(format_args!("panic: {info}"));
    linux::exit(101)
}
