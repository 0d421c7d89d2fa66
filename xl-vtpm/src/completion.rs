//! `completion`.

use crate::arguments::{Arguments, Shell};
use crate::exit::Exit;
use clap::CommandFactory;
use clap_complete::shells::{Bash, Fish, Zsh};
use clap_complete::{Generator, generate};
use std::io::Write;

/// Prints what a shell has to read. There is no JSON of it: it is a program.
pub(crate) fn print(shell: Shell) -> Result<(), Exit> {
    std::io::stdout().write_all(&text(shell)).map_err(Exit::not_done)
}

fn text(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => made(Bash),
        Shell::Zsh => made(Zsh),
        Shell::Fish => made(Fish),
    }
}

fn made(generator: impl Generator) -> Vec<u8> {
    let mut text = Vec::new();
    generate(generator, &mut Arguments::command(), "xl-vtpm", &mut text);
    text
}

#[test]
fn every_shell_learns_every_command_that_is_shown() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let text = String::from_utf8(text(shell)).unwrap();
        for command in Arguments::command().get_subcommands().filter(|c| !c.is_hide_set()) {
            assert!(text.contains(command.get_name()), "{shell:?} {}", command.get_name());
        }
    }
}
