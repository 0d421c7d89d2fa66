//! `vtpm-inspect`: what the manager's store and a vTPM's disk say about themselves.
#![forbid(unsafe_code)]

#[macro_use]
extern crate command_line;

use anyhow::{Context, Result};
use clap::Parser;
use state_inspect::{DiskFile, inspect};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Says what a manager's or a vTPM's disk holds: format, generation, how many vTPMs; never a secret
#[derive(Parser)]
#[command(name = "vtpm-inspect", version, after_long_help = NOTES)]
struct Arguments {
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,

    /// The file or block device that stands in disk= of the domain's configuration
    disk: PathBuf,
}

const NOTES: &str = "\
The disk is opened for reading only. What it says is readable without any secret and proved by nobody: \
only the manager can tell whether it is the newest copy. Of a disk that a running domain writes to, \
what is read may be half of a change; look again.

Examples:
  vtpm-inspect /var/lib/xen/vtpm/vtpmmgr.img
  vtpm-inspect --json /dev/vg0/vtpm-guest1";

fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    command_line::end("vtpm-inspect", arguments.json, run(&arguments))
}

fn run(arguments: &Arguments) -> Result<()> {
    let report = look(&arguments.disk).with_context(|| arguments.disk.display().to_string())?;
    if arguments.json {
        println!("{}", report.json());
    } else {
        println!("{report}");
    }
    Ok(())
}

fn look(path: &Path) -> Result<state_inspect::Report> {
    Ok(inspect(&mut DiskFile::open(path)?)?)
}

#[test]
fn the_manual_page_has_every_option_and_no_other() {
    manual::assert_page("vtpm-inspect.1", <Arguments as clap::CommandFactory>::command());
}
