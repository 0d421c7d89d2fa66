//! The engine behind Linux's /dev/vtpmx, one TPM for each process, and a relay for Xen guests.
//!
//! What is public is what tests drive without a kernel module; everything else is behind [`main`].
#![forbid(unsafe_code)]

mod announce;
mod arguments;
pub mod confine;
pub mod device;
mod host;
mod host_tpm;
mod key;
mod link;
mod list;
mod made;
mod nodes;
mod notify;
mod presence;
mod recipe;
mod registry;
mod relay;
mod run;
pub mod state;
mod stop;
pub mod tpm;

use anyhow::Result;
use arguments::{Arguments, Command};
use clap::CommandFactory;
use std::process::ExitCode;
use std::time::Duration;

/// What the program does; its exit code.
pub fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    engine_serve::log_to_stderr("vtpm-proxy");
    // State, sealed key and entries are this user's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match perform(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vtpm-proxy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<()> {
    match command {
        Command::Run(run) => run::run(&run),
        Command::Relay(relay) => relay::relay(&relay),
        Command::List { json } => list::print(json),
        Command::Recipe { name, reader } => {
            print!("{}", recipe::text(&nodes::from_json(&registry::one(&name)?)?, reader));
            Ok(())
        }
        Command::Stop { name, timeout } => registry::stop(&name, Duration::from_secs(timeout)),
        Command::Completion { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "vtpm-proxy", &mut std::io::stdout());
            Ok(())
        }
    }
}
