//! Scripts that teach shells to complete a program's words.

mod bash;
#[cfg(test)]
mod tests;

use clap::{Arg, Command, ValueHint};
use std::any::TypeId;

/// For bash: commands, options, files, folders, and where an argument has no hint, names, which the shell commands
/// `names` print.
#[must_use]
pub fn bash_completion(program: &Command, names: &str) -> String {
    let mut program = shown(program);
    program.build();
    bash::script(&program, names)
}

/// For clap's generators, which offer files in the place of names: a program without hints for these, and without
/// what is not for people.
#[must_use]
pub fn to_complete(program: &Command) -> Command {
    without_names(shown(program))
}

/// A command without those of its commands and options that are not for people: clap would offer them.
fn shown(command: &Command) -> Command {
    // clap keeps names for as long as the program runs.
    let name: &'static str = command.get_name().to_owned().leak();
    let about = command.get_about().cloned().unwrap_or_default();
    let bare = Command::new(name).about(about).disable_help_subcommand(true);
    let bare = if command.get_version().is_some() { bare.version("") } else { bare };
    let arguments = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    bare.args(arguments.map(hinted)).subcommands(commands.map(shown))
}

/// An argument whose hint says, where it is a number, that nothing can be offered.
fn hinted(arg: &Arg) -> Arg {
    let read = arg.get_value_parser().type_id();
    let number = read == TypeId::of::<u64>() || read == TypeId::of::<u32>();
    if number { arg.clone().value_hint(ValueHint::Other) } else { arg.clone() }
}

fn without_names(command: Command) -> Command {
    let without = |arg: Arg| match arg.get_value_hint() {
        ValueHint::Unknown if arg.get_action().takes_values() => arg.value_hint(ValueHint::Other),
        _ => arg,
    };
    command.mut_args(without).mut_subcommands(without_names)
}
