//! See flow_tests::fuzz::proxy_state.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::proxy_state(data));
