//! See flow_tests::fuzz::hardware_tpm.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::hardware_tpm(data));
