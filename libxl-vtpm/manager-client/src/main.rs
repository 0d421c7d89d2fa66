//! `vtpmmgr-ctl`: commands from domain 0 to the manager of all vTPMs.
#![forbid(unsafe_code)]

mod arguments;
mod print;

use anyhow::Result;
use arguments::{Arguments, Command, Policy};
use clap::Parser;
use manager_client::{Channel, Force, TpmVersion};
use serde_json::json;
use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vtpmmgr-ctl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let json = arguments.json;
    let mut manager = match &arguments.device {
        Some(path) => Channel::open(path)?,
        None => Channel::find()?,
    };
    match arguments.command {
        Command::Stats => print::stats(&manager.stats()?, json),
        Command::List => print::list(&manager.list()?, json),
        Command::Show { uuid } => print::show(&manager.show(uuid)?, json),
        Command::New { uuid, tpm, group } => {
            manager.new_vtpm(uuid, TpmVersion::from(tpm), group)?;
            done(json);
        }
        Command::Delete { uuid, with_state } => {
            manager.delete(uuid, force(with_state))?;
            done(json);
        }
        Command::Enable { uuid } => {
            manager.enable(uuid, true)?;
            done(json);
        }
        Command::Disable { uuid } => {
            manager.enable(uuid, false)?;
            done(json);
        }
        Command::AcceptOlder { uuid, generation, withdraw: _ } => {
            manager.accept_older(uuid, generation)?;
            done(json);
        }
        Command::Policy(command) => policy(&mut manager, command, json)?,
        Command::PrepareShutdown { attached_too } => {
            manager.prepare_shutdown(force(attached_too))?;
            done(json);
        }
    }
    Ok(())
}

fn policy(manager: &mut Channel, command: Policy, json: bool) -> Result<()> {
    match command {
        Policy::Show => print::policy(&manager.policy()?, json),
        Policy::Reseal { pcrs, force: forced } => {
            manager.reseal(&pcrs, &[], force(forced))?;
            done(json);
        }
        Policy::RecoveryKey => {
            let key = manager.new_recovery_key()?;
            print::print(json, json!({ "recovery_key": key }), || println!("{key}"));
        }
        Policy::Recover { force: forced } => {
            let mut key = String::new();
            std::io::stdin().take(256).read_to_string(&mut key)?;
            manager.recover(key.trim(), force(forced))?;
            done(json);
        }
    }
    Ok(())
}

const fn force(yes: bool) -> Force {
    if yes { Force::Yes } else { Force::No }
}

/// The answer to a command that has none.
fn done(as_json: bool) {
    print::print(as_json, json!({ "done": true }), || println!("done"));
}
