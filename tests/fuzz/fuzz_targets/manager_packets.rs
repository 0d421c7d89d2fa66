//! See flow_tests::fuzz::manager_packets.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::manager_packets(data));
