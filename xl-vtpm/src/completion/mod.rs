//! `completion`.

#[cfg(test)]
mod tests;

use crate::arguments::{Arguments, Shell};
use crate::exit::Exit;
use clap::{Command, CommandFactory};
use clap_complete::shells::{Fish, Zsh};
use clap_complete::{Generator, generate};
use command_line::{bash_completion, to_complete};
use std::io::Write;

/// Domains that run, but for domain 0, and those that have a configuration.
const DOMAINS: &str = include_str!("domains.sh");

/// Prints what a shell has to read. There is no JSON of it: it is a program.
pub(crate) fn print(shell: Shell) -> Result<(), Exit> {
    std::io::stdout().write_all(&text(shell)).map_err(Exit::not_done)
}

fn text(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => bash_completion(&program(), DOMAINS).into_bytes(),
        Shell::Zsh => made(Zsh),
        Shell::Fish => made(Fish),
    }
}

fn made(generator: impl Generator) -> Vec<u8> {
    let mut text = Vec::new();
    generate(generator, &mut to_complete(&program()), "xl-vtpm", &mut text);
    text
}

/// With the values of options that clap leaves to the reader of the TOML file.
fn program() -> Command {
    Arguments::command().mut_subcommand("new", |new| {
        new.mut_arg("tpm", |tpm| tpm.value_parser(["2.0", "1.2"]))
            .mut_arg("hardware", |hardware| hardware.value_parser(["2.0", "1.2", "none"]))
    })
}
