//! `xl-vtpm`: starts guests with their virtual TPMs, and shows them.
//!
//! A command is worked out into a plan (`libxl_vtpm::plan`) from what is `known` of configuration
//! files and of the host, and the plan is taken on the real `host`. Everything that asks xenstore goes
//! through `nodes`.
#![forbid(unsafe_code)]

#[macro_use]
extern crate command_line;

mod arguments;
mod booted;
mod busy;
mod clear;
mod completion;
mod consoles;
mod devices;
mod doctor;
mod end;
mod ended;
mod exit;
#[cfg(test)]
mod fake_xenstored;
mod files;
mod hardware;
mod host;
mod hurry;
mod images;
mod interrupt;
mod known;
mod list;
mod lock;
mod logs;
mod memory;
mod named;
mod new;
mod nodes;
mod of_guest;
mod on_demand;
mod ours;
mod path;
mod reap;
mod resident;
mod say;
mod seen;
mod service;
mod show;
mod start;
mod unfinished;
mod way;
mod wires;
mod xl;

use arguments::{Arguments, Command, Manager};
use exit::Exit;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    let done = run(&arguments);
    if let Err(why) = &done {
        tell(why, arguments.json);
    }
    command_line::say::end("xl-vtpm");
    done.map_or_else(|exit| exit.code(), |()| ExitCode::SUCCESS)
}

/// Says why it was not done: as data on standard output where JSON was asked for.
fn tell(why: &Exit, json: bool) {
    match why {
        // It has said everything.
        Exit::Found(_) | Exit::Said(_) => {}
        _ if json => println!("{:#}", serde_json::json!({ "error": why.json() })),
        _ => eprintln!("xl-vtpm: {why}"),
    }
}

fn run(arguments: &Arguments) -> Result<(), Exit> {
    match &arguments.command {
        Command::List { domains, records } => list::run(domains, *records, arguments.json),
        Command::Show(options) => show::run(options, arguments.json),
        Command::New(options) => new::run(options, arguments.json),
        Command::Create { file, how } => start::guest(file, how, arguments.json),
        Command::Attach { guest, vtpm, dry_run, timeout } => {
            let limit = (!dry_run).then(|| Duration::from_secs(*timeout));
            devices::attach(guest, vtpm, limit, arguments.json)
        }
        Command::Detach { guest, vtpm, dry_run } => {
            devices::detach(guest, vtpm, *dry_run, arguments.json)
        }
        Command::Shutdown(options) => end::shutdown(options, arguments.json),
        Command::Destroy(options) => end::destroy(options, arguments.json),
        Command::Clear(options) => clear::run(options, arguments.json),
        Command::Logs(options) => logs::run(options, arguments.json),
        Command::Doctor(options) => doctor::run(options, arguments.json),
        Command::Completion { shell } => completion::print(*shell),
        Command::Manager(Manager::Start { name, how }) => start::manager(name, how, arguments.json),
        Command::Manager(Manager::Stop { name, timeout }) => {
            end::manager(name, Duration::from_secs(*timeout), arguments.json)
        }
        Command::Manager(Manager::Status { name }) => list::manager(name, arguments.json),
        Command::Enable { guest, config, dry_run } => {
            resident::enable(guest, config, *dry_run, arguments.json)
        }
        Command::Disable { guest, dry_run } => resident::disable(guest, *dry_run, arguments.json),
        Command::Service(service) => service::run(service, arguments.json),
        Command::Hotplug { domid } => on_demand::run(*domid),
        Command::Reap { domid } => reap::run(*domid),
    }
}
