//! `vtpm-config-gen`: writes the xl configuration files of the manager, of vTPM domains and of their
//! guests.
#![forbid(unsafe_code)]

use config_gen::Arguments;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    match config_gen::run(&arguments) {
        Ok(said) => {
            // Its files are written, whether or not somebody can hear of it.
            let _ = io::stdout().write_all(said.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            command_line::tell("vtpm-config-gen", arguments.json, 1, &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
