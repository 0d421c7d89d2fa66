//! The engine behind Linux's /dev/vtpmx, one TPM for each process, and a relay for Xen guests.
//!
//! What is public is what tests drive without a kernel module; everything else is behind [`main`].
#![forbid(unsafe_code)]

mod announce;
mod arguments;
pub mod confine;
pub mod device;
mod frontend;
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
mod refusal;
mod registry;
mod relay;
mod run;
mod say;
pub mod state;
mod stop;
pub mod tpm;

use anyhow::Result;
use arguments::{Arguments, Command};
use clap::CommandFactory;
use clap_complete::Shell;
use command_line::{bash_completion, to_complete};
use std::process::ExitCode;
use std::time::Duration;

/// For bash: the names of the TPMs that are served.
const SERVED: &str = "  vtpm-proxy list 2>/dev/null | awk 'NR > 1 { print $1 }'";

/// What the program does; its exit code.
pub fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    engine_serve::log_to_stderr("vtpm-proxy");
    // State, sealed key and entries are this user's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match perform(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            command_line::tell("vtpm-proxy", false, 1, &format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(command: Command) -> Result<()> {
    match command {
        Command::Run(run) => confine::leave_no_core().and_then(|()| run::run(&run)),
        Command::Relay(relay) => confine::leave_no_core().and_then(|()| relay::relay(&relay)),
        Command::List { json } => list::print(json),
        Command::Recipe { name, reader } => {
            say::answer(&recipe::text(&nodes::from_json(&registry::one(&name)?)?, reader)?)
        }
        Command::Stop { name, timeout } => registry::stop(&name, Duration::from_secs(timeout)),
        Command::Completion { shell } => {
            if shell == Shell::Bash {
                return say::answer(&bash_completion(&Arguments::command(), SERVED));
            }
            let (mut script, mut program) = (Vec::new(), to_complete(&Arguments::command()));
            clap_complete::generate(shell, &mut program, "vtpm-proxy", &mut script);
            say::answer(&String::from_utf8_lossy(&script))
        }
    }
}
