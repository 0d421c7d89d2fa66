//! The engine without a C library, as a program of its own.
//!
//! Built for `x86_64-unknown-none`, it is what an image is: static, at fixed addresses, with
//! `engine-crt` as the only C runtime. It happens to be a valid Linux program too, which makes a
//! handful of system calls where an image would ask its guest runtime; so the C runtime, the heap
//! and the failure paths are proved in milliseconds, without Xen. `tests/bare.rs` builds and runs
//! it. On a host target it is an empty program.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod ground;
#[cfg(target_os = "none")]
mod heap;
#[cfg(target_os = "none")]
mod linux;
#[cfg(target_os = "none")]
mod runs;
#[cfg(target_os = "none")]
mod soak;
#[cfg(target_os = "none")]
mod start;

#[cfg(not(target_os = "none"))]
fn main() {
    println!("built for a host: tests/bare.rs builds and runs this for x86_64-unknown-none");
}
