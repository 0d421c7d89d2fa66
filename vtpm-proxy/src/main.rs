//! `vtpm-proxy`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    vtpm_proxy::main()
}
