//! A program's options and commands, as a page says them.

use crate::roff::{bold, italic, plain};
use clap::builder::ValueRange;
use clap::{Arg, ArgAction, Command};

/// The sections OPTIONS and, where there are commands, COMMANDS.
pub(crate) fn of(program: &Command) -> String {
    let mut text = String::from(".SH OPTIONS\n");
    for option in shown(program) {
        text += &item(option);
    }
    if program.get_subcommands().any(|command| !command.is_hide_set()) {
        text += ".SH COMMANDS\n";
        commands(program, "", &mut text);
    }
    text
}

fn commands(program: &Command, before: &str, text: &mut String) {
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("{before}{}", command.get_name());
        if command.has_subcommands() {
            commands(command, &format!("{name} "), text);
            continue;
        }
        *text += &format!(".TP\n{}\n", usage(&name, command));
        let about = command.get_long_about().or(command.get_about());
        *text += &paragraphs(&about.map(ToString::to_string).unwrap_or_default());
        // What holds for all commands stands under OPTIONS.
        let own: Vec<_> = shown(command).into_iter().filter(|arg| !is_general(arg)).collect();
        if !own.is_empty() {
            *text += ".RS\n";
            own.into_iter().for_each(|option| *text += &item(option));
            *text += ".RE\n";
        }
    }
}

fn is_general(arg: &Arg) -> bool {
    arg.is_global_set() || matches!(arg.get_id().as_str(), "help" | "version")
}

fn shown(command: &Command) -> Vec<&Arg> {
    let all = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let (mut positional, options): (Vec<_>, Vec<_>) = all.partition(|arg| arg.is_positional());
    positional.extend(options);
    positional
}

/// The name and what follows it, options that may be left out in brackets.
fn usage(name: &str, command: &Command) -> String {
    let own = shown(command).into_iter().filter(|arg| !is_general(arg));
    let (mut words, mut last) = (vec![bold(name)], Vec::new());
    for arg in own {
        let word = form(arg);
        let word = if arg.is_required_set() { word } else { format!("[{word}]") };
        let word = if is_repeated(arg) { format!("{word}...") } else { word };
        if arg.is_positional() { last.push(word) } else { words.push(word) }
    }
    words.extend(last);
    words.join(" ")
}

fn is_repeated(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
        || arg.get_num_args().is_some_and(|range: ValueRange| range.max_values() > 1)
}

/// An option with its value, or a value alone.
fn form(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let names = arg.get_value_names().unwrap_or_default();
    let value = names.iter().map(|name| italic(name)).collect::<Vec<_>>().join(" ");
    let value =
        if value.is_empty() { italic(&arg.get_id().as_str().to_uppercase()) } else { value };
    let short = arg.get_short().map(|short| bold(&format!("-{short}")));
    let long = arg.get_long().map(|long| bold(&format!("--{long}")));
    let name: Vec<_> = short.into_iter().chain(long).collect();
    match (name.is_empty(), takes) {
        (true, _) => value,
        (false, true) => format!("{} {value}", name.join(", ")),
        (false, false) => name.join(", "),
    }
}

fn item(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut text = format!(".TP\n{}\n{}", form(arg), paragraphs(&help));
    if arg.get_action().takes_values() {
        let values = arg.get_possible_values();
        let values: Vec<_> = values.iter().filter(|value| !value.is_hide_set()).collect();
        if !values.is_empty() {
            let words: Vec<_> = values.iter().map(|value| bold(value.get_name())).collect();
            text += &format!("One of {}.\n", words.join(", "));
        }
        let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy());
        let defaults: Vec<_> = defaults.map(|value| bold(&value)).collect();
        if !defaults.is_empty() {
            text += &format!("When absent: {}.\n", defaults.join(", "));
        }
    }
    text
}

/// Sentences that end as sentences do.
fn paragraphs(text: &str) -> String {
    let ended = |part: &str| match part.ends_with(['.', ']', ':']) {
        true => part.to_owned(),
        false => format!("{part}."),
    };
    let parts = text.split("\n\n").filter(|part| !part.trim().is_empty());
    let parts = parts.map(|part| plain(&ended(part.trim())));
    let text = parts.collect::<Vec<_>>().join("\n.IP\n");
    if text.is_empty() { text } else { text + "\n" }
}
