//! See flow_tests::fuzz::tpm_answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| flow_tests::fuzz::tpm_answers(data));
