//! Completion for bash. clap's own knows no names, and for a program with a hyphen in its name nothing behind the first
//! word.

use clap::{Arg, Command, ValueHint};
use std::fmt::Write;

const SCRIPT: &str = include_str!("bash.sh");

/// The script for this program, which must be built; `names` are shell commands that print what a name may be.
pub(super) fn script(program: &Command, names: &str) -> String {
    let (mut table, name) = (String::new(), program.get_name());
    rows(program, "", &mut table);
    let script = SCRIPT.replace("_FUNCTION", &format!("_{}", name.replace('-', "_")));
    script
        .replace("@PROGRAM@", name)
        .replace("@NAMES@", names.trim_end())
        .replace("@TABLE@\n", &table)
}

/// One row for a command, and those of its own commands.
fn rows(command: &Command, path: &str, table: &mut String) {
    let arguments: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    let commands: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let long = |arg: &Arg| arg.get_long().map(|long| format!("--{long}"));
    let options: Vec<String> = arguments.iter().filter_map(|arg| long(arg)).collect();
    let taking = arguments.iter().filter(|arg| arg.get_action().takes_values());
    let values = taking.filter_map(|arg| Some(format!("{} {}", long(arg)?, kind(arg))));
    let places = command.get_positionals().map(|arg| {
        let many = arg.get_num_args().is_some_and(|count| count.max_values() > 1);
        format!("{}{}", kind(arg), if many { "..." } else { "" })
    });
    // An array in place of lines would need a name that no other function has.
    let lines = |lines: Vec<String>| lines.join("'$'\\n''");
    let (values, places) = (lines(values.collect()), lines(places.collect()));
    let _ = writeln!(
        table,
        "    '{path}')\n      commands='{}'\n      options='{}'\n      values='{values}'\n      \
         places='{places}' ;;",
        commands.join(" "),
        options.join(" ")
    );
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name());
        rows(inner, path.trim_start(), table);
    }
}

/// What an argument is: a file, a folder, a name, one of these words, or nothing that can be known.
fn kind(arg: &Arg) -> String {
    let words: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    match (words.is_empty(), arg.get_value_hint()) {
        (false, _) => format!("words:{}", words.join(" ")),
        (true, ValueHint::FilePath | ValueHint::AnyPath) => "file".into(),
        (true, ValueHint::DirPath) => "folder".into(),
        // What is nothing of all this has the hint Other.
        (true, ValueHint::Unknown) => "name".into(),
        (true, _) => "text".into(),
    }
}
