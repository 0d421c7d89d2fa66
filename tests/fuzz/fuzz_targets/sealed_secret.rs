//! See flow_tests::fuzz::sealed_secret.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::sealed_secret(data));
