//! See flow_tests::fuzz::backend.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::backend(data));
