//! `xl-vtpm`: starts guests with their virtual TPMs, and shows them.
//!
//! A command is worked out into a plan (`libxl_vtpm::plan`) from what is `known` of configuration
//! files and of the host, and the plan is taken on the real `host`. Everything that asks xenstore goes
//! through `nodes`.
#![forbid(unsafe_code)]

mod arguments;
mod devices;
mod end;
mod exit;
mod host;
mod known;
mod list;
mod new;
mod nodes;
mod reap;
mod start;
mod xl;

use arguments::{Arguments, Command, Manager};
use clap::Parser;
use exit::Exit;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            if arguments.json {
                println!("{:#}", serde_json::json!({ "error": exit.to_string() }));
            } else {
                eprintln!("xl-vtpm: {exit}");
            }
            exit.code()
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Exit> {
    match &arguments.command {
        Command::List { domains } => list::run(domains, arguments.json),
        Command::New(options) => new::run(options, arguments.json),
        Command::Create { file, how } => start::guest(file, how, arguments.json),
        Command::Attach { guest, vtpm } => devices::attach(guest, vtpm, arguments.json),
        Command::Detach { guest, vtpm } => devices::detach(guest, vtpm, arguments.json),
        Command::Shutdown { guest, timeout } => {
            end::guest(guest, Duration::from_secs(*timeout), arguments.json)
        }
        Command::Manager(Manager::Start { name, how }) => start::manager(name, how, arguments.json),
        Command::Manager(Manager::Stop { name }) => end::manager(name, arguments.json),
        Command::Manager(Manager::Status { name }) => list::manager(name, arguments.json),
        Command::Reap { domid } => reap::run(*domid),
    }
}
