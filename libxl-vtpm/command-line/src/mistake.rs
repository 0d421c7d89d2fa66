//! clap's errors as one sentence.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// What is wrong, and what to type.
pub(crate) fn sentence(error: &Error, program: &Command) -> String {
    let see = format!("see {} --help", program.get_name());
    let context = |kind| texts(error.get(kind));
    let arg = context(ContextKind::InvalidArg).join(" and ");
    match error.kind() {
        ErrorKind::UnknownArgument => {
            let meant = context(ContextKind::SuggestedArg);
            format!("{arg} is not known here; {}", meant_or(&meant, &see))
        }
        ErrorKind::InvalidSubcommand => {
            let given = context(ContextKind::InvalidSubcommand).join(" ");
            let mut meant = context(ContextKind::SuggestedSubcommand);
            meant.retain(|name| !is_hidden(program, name));
            format!("there is no command \"{given}\"; {}", meant_or(&meant, &see))
        }
        ErrorKind::MissingRequiredArgument => {
            let are = if context(ContextKind::InvalidArg).len() > 1 { "are" } else { "is" };
            format!("{arg} {are} missing; write {}", usage(error).unwrap_or(see))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            missing_command(error, program).unwrap_or(format!("a command is missing; {see}"))
        }
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).join("").is_empty() => {
            format!("{arg} needs a value; {see}")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let given = context(ContextKind::InvalidValue).join(" ");
            format!("\"{given}\" cannot be {arg}; {}", instead(error))
        }
        ErrorKind::ArgumentConflict => {
            let others = context(ContextKind::PriorArg).join(" and ");
            match others.is_empty() || others == arg {
                true => format!("{arg} may stand here once only; {see}"),
                false => format!("{arg} cannot stand beside {others}; leave one of them out"),
            }
        }
        _ => {
            let said = error.to_string();
            let first = said.lines().next().unwrap_or_default();
            format!("{}; {see}", first.trim_start_matches("error: "))
        }
    }
}

fn texts(value: Option<&ContextValue>) -> Vec<String> {
    match value {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn is_hidden(program: &Command, name: &str) -> bool {
    program.get_subcommands().any(|command| command.get_name() == name && command.is_hide_set())
}

/// Which words may follow those that were given.
fn missing_command(error: &Error, program: &Command) -> Option<String> {
    let said = error.to_string();
    let usage = said.lines().find_map(|line| line.strip_prefix("Usage: "))?;
    let path: Vec<_> = usage.split(' ').take_while(|word| !word.starts_with(['[', '<'])).collect();
    let mut inner = path.iter().skip(1);
    let command = inner.try_fold(program, |command, name| command.find_subcommand(name))?;
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    let names: Vec<_> = shown.map(Command::get_name).collect();
    let (names, path) = (names.join(", "), path.join(" "));
    Some(format!("a command is missing; write one of {names} behind {path}"))
}

fn meant_or(meant: &[String], otherwise: &str) -> String {
    match meant {
        [] => otherwise.to_owned(),
        names => format!("did you mean {}?", names.join(" or ")),
    }
}

/// `xl-vtpm create <FILE>` out of "Usage: …".
fn usage(error: &Error) -> Option<String> {
    let Some(ContextValue::StyledStr(text)) = error.get(ContextKind::Usage) else { return None };
    let text = text.to_string();
    Some(text.lines().next()?.trim_start_matches("Usage:").trim().to_owned())
}

/// What may stand there: the values there are, or what the value's own reader says.
fn instead(error: &Error) -> String {
    let valid = texts(error.get(ContextKind::ValidValue));
    if !valid.is_empty() {
        return format!("write {}", valid.join(" or "));
    }
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    // What the standard library says of numbers is not for people.
    if ["invalid digit", "cannot parse", "number too"].iter().any(|known| why.contains(known)) {
        return "write a whole number".into();
    }
    match why.split_once(" is not in ") {
        Some((_, range)) => format!("write a number from {}", range.replace("..=", " to ")),
        None => why,
    }
}
