//! `completion`.

mod bash;
#[cfg(test)]
mod tests;

use crate::arguments::{Arguments, Shell};
use crate::exit::Exit;
use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::shells::{Fish, Zsh};
use clap_complete::{Generator, generate};
use std::any::TypeId;
use std::io::Write;

/// Prints what a shell has to read. There is no JSON of it: it is a program.
pub(crate) fn print(shell: Shell) -> Result<(), Exit> {
    std::io::stdout().write_all(&text(shell)).map_err(Exit::not_done)
}

fn text(shell: Shell) -> Vec<u8> {
    match shell {
        Shell::Bash => {
            let mut program = shown(&Arguments::command());
            program.build();
            bash::script(&program).into_bytes()
        }
        Shell::Zsh => made(Zsh),
        Shell::Fish => made(Fish),
    }
}

fn made(generator: impl Generator) -> Vec<u8> {
    let mut text = Vec::new();
    generate(generator, &mut shown(&Arguments::command()), "xl-vtpm", &mut text);
    text
}

/// A command without those of its commands that are not for people: clap would offer them.
fn shown(command: &Command) -> Command {
    // clap keeps names for as long as the program runs.
    let name: &'static str = command.get_name().to_owned().leak();
    let about = command.get_about().cloned().unwrap_or_default();
    let bare = Command::new(name).about(about).disable_help_subcommand(true);
    let bare = if command.get_version().is_some() {
        bare.version(env!("CARGO_PKG_VERSION"))
    } else {
        bare
    };
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    let arguments = command.get_arguments().filter(|arg| !arg.is_hide_set());
    bare.args(arguments.map(hinted)).subcommands(commands.map(shown))
}

/// An argument whose hint says, where it is a number, that no file is meant.
fn hinted(arg: &Arg) -> Arg {
    let read = arg.get_value_parser().type_id();
    let number = read == TypeId::of::<u64>() || read == TypeId::of::<u32>();
    if number { arg.clone().value_hint(ValueHint::Other) } else { arg.clone() }
}
