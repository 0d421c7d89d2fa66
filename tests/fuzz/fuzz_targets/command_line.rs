//! See flow_tests::fuzz::command_line.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::command_line(data));
