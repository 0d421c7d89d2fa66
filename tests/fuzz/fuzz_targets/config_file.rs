//! See flow_tests::fuzz::config_file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::config_file(data));
