//! See flow_tests::fuzz::disk_ring.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::disk_ring(data));
