//! `vtpm-config-gen`: writes the xl configuration files of the manager, of vTPM domains and of their
//! guests.
#![forbid(unsafe_code)]

use clap::Parser;
use config_gen::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    match config_gen::run(&Arguments::parse()) {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("vtpm-config-gen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
