//! `vtpmmgr-ctl`: commands from domain 0 to the manager of all vTPMs.
#![forbid(unsafe_code)]

#[macro_use]
extern crate command_line;

mod administer;
mod arguments;
mod failure;
mod print;

use anyhow::Result;
use arguments::{Arguments, Command, Policy};
use manager_client::{Channel, ChannelError, Force, TpmVersion};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    let json = arguments.json;
    let done = run(arguments);
    let code = done.map_or_else(|why| failure::report(&why, json), |()| ExitCode::SUCCESS);
    command_line::say::end("vtpmmgr-ctl");
    code
}

/// For a device that was attached just now to be there.
const TO_COME: Duration = Duration::from_secs(5);

/// The way to the manager, taken once it is needed.
struct Way(Option<PathBuf>);

impl Way {
    fn take(&self) -> Result<Channel, ChannelError> {
        self.0.as_deref().map_or_else(|| Channel::find_within(TO_COME), Channel::open)
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let (json, way) = (arguments.json, Way(arguments.device));
    match arguments.command {
        Command::Stats => print::stats(&way.take()?.stats()?, json),
        Command::List => print::list(&way.take()?.list()?, json),
        Command::Show { uuid } => print::show(&way.take()?.show(uuid)?, json),
        Command::Policy(Policy::Offline(command)) => administer::offline(&way, command, json)?,
        Command::Policy(command) => administer::policy(&mut way.take()?, command, json)?,
        command => {
            change(&mut way.take()?, command)?;
            done(json);
        }
    }
    Ok(())
}

/// Commands whose answer is that they are done.
fn change(manager: &mut Channel, command: Command) -> Result<(), ChannelError> {
    match command {
        Command::New { uuid, tpm, group } => manager.new_vtpm(uuid, TpmVersion::from(tpm), group),
        Command::Delete { uuid, with_state } => manager.delete(uuid, force(with_state)),
        Command::Enable { uuid } => manager.enable(uuid, true),
        Command::Disable { uuid } => manager.enable(uuid, false),
        Command::AcceptOlder { uuid, generation, withdraw: _ } => {
            manager.accept_older(uuid, generation)
        }
        Command::PrepareShutdown { attached_too } => manager.prepare_shutdown(force(attached_too)),
        Command::Stats | Command::List | Command::Show { .. } | Command::Policy(_) => Ok(()),
    }
}

const fn force(yes: bool) -> Force {
    if yes { Force::Yes } else { Force::No }
}

/// The answer to a command that has none.
fn done(as_json: bool) {
    print::print(as_json, json!({ "done": true }), || println!("done"));
}
