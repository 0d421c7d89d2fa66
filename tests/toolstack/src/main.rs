//! `toolstack-judge`: compares the tools for domain 0 with the real xl and libxl. Runs in the lab's
//! dom0, from claims.
#![forbid(unsafe_code)]

mod domains;
mod lines;
mod xl;

use anyhow::Result;
use clap::Parser;
use libxl_vtpm::Uuid;
use std::path::PathBuf;

/// Each command ends with success only when what it names holds.
#[derive(Parser)]
#[command(name = "toolstack-judge", disable_help_subcommand = true)]
enum Command {
    /// Every line of the table means to our parser what it means to `xl create --dryrun`
    Lines,
    /// libxl creates the domain of this xl configuration from xl's own JSON
    Create {
        /// The configuration
        file: PathBuf,
    },
    /// libxl attaches a vTPM to a domain, lists it, shows it, and takes it away again
    Devices {
        /// The domain that gets it
        guest: String,
        /// The domain that holds it
        backend: String,
        /// Its identity
        uuid: Uuid,
    },
    /// A domain ends when it is asked to, libxl reports that, and it is destroyed
    End {
        /// The domain
        name: String,
    },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Lines => lines::judge(),
        Command::Create { file } => domains::create(&file),
        Command::Devices { guest, backend, uuid } => domains::devices(&guest, &backend, uuid),
        Command::End { name } => domains::end(&name),
    }
}
