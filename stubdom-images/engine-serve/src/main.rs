//! `vtpm-engine`: the engine as a Linux program.
#![forbid(unsafe_code)]

mod arguments;
mod client;
mod format;
mod server;
mod suspend;
mod tpm;

use anyhow::Result;
use arguments::{Arguments, Command, Serve};
use clap::Parser;
use server::Server;
use std::io::Write;
use std::process::ExitCode;
use tpm::Tpm;

fn main() -> ExitCode {
    let Command::Serve(serve) = Arguments::parse().command;
    engine_serve::log_to_stderr("vtpm-engine");
    // The state, the suspended state and the socket are this user's alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match run(&serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _heard_or_not = writeln!(std::io::stderr(), "vtpm-engine: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGTERM or SIGINT.
fn run(serve: &Serve) -> Result<()> {
    let mut server = Server::listen(&serve.socket)?;
    let mut tpm = Tpm::power_on(serve)?;
    log::info!("TPM {} ready on {}", serve.version(), serve.socket.display());
    server.run(&mut tpm)?;
    if let Some(file) = &serve.suspend_to {
        tpm.suspend(file)?;
    }
    Ok(())
}
