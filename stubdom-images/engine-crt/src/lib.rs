//! The C runtime that the engine's C libraries need where there is no operating system.
//!
//! libtpms and libcrypto call 66 functions of libc. For `target_os = "none"` this crate defines
//! those that compiler_builtins does not bring (memcpy, memmove, memset, memcmp, strlen) and that
//! `engine-sys` does not replace (rand, srand). On a host with a C library nothing is exported:
//! the same functions exist in tests only, which compare them with that library's results.
//!
//! Before any of them runs, the image says by [`install`] how to tell the time, where entropy
//! comes from, where text goes, and how to die. Memory comes from Rust's global allocator, which
//! must be O(1): an RSA key takes about 70,000 allocations.
//!
//! What there cannot be here (files, environment, processes) is refused the way C says, counted by
//! name, and logged once; nothing succeeds without having done its work. One thread is assumed, as
//! the libraries are built without threads.
#![no_std]
#[cfg(any(test, target_os = "none"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(any(test, target_os = "none"))]
mod c;
mod hooks;
mod refused;
mod usage;

pub use hooks::{Hooks, install};
pub use refused::refusals;
pub use usage::{HeapUsage, heap_usage};
