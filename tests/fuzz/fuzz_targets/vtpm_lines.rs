//! See flow_tests::fuzz::vtpm_lines.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::vtpm_lines(data));
