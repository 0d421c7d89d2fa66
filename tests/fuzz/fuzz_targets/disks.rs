//! See flow_tests::fuzz::disks.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::disks(data));
