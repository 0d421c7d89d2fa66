//! `vtpm-hwtpm`: hands domain 0's hardware TPM over to the manager of all vTPMs.
#![forbid(unsafe_code)]

#[macro_use]
extern crate command_line;

mod arguments;
mod print;

use anyhow::{Context, Result};
use arguments::{Arguments, Command};
use hardware_tpm::{Error, Roots, Survey, give_back, keep, release, unkeep};
use print::Output;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Arguments = command_line::read();
    command_line::end("vtpm-hwtpm", arguments.json, run(&arguments))
}

fn run(arguments: &Arguments) -> Result<()> {
    let roots = Roots::at(&arguments.root);
    let output = Output { json: arguments.json };
    match arguments.command {
        Command::Status => output.status(&Survey::take(&roots)?),
        Command::Release { at_boot: true } => at_boot(&roots, output)?,
        Command::Release { at_boot: false } => output.released(release(&roots)?.as_ref()),
        Command::GiveBack { force } => output.given_back(&give_back(&roots, force)?),
        Command::Keep => {
            let program = std::env::current_exe().context("cannot find this program's own file")?;
            keep(&roots, &program)?;
            output.kept(&program);
        }
        Command::Unkeep => output.unkept(unkeep(&roots)?),
        Command::Lines => output.lines(&Survey::take(&roots)?.lines()?),
    }
    Ok(())
}

/// The same installation may be booted without Xen, and then its kernel needs the TPM.
fn at_boot(roots: &Roots, output: Output) -> Result<()> {
    if !roots.is_domain_0() {
        output.nothing("this is not domain 0 of Xen; the TPM stays where it is");
        return Ok(());
    }
    match release(roots) {
        Ok(released) => output.released(released.as_ref()),
        Err(error @ Error::NoTpm) => output.nothing(&error.to_string()),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
