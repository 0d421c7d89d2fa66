//! The command lines of domain 0's programs.
//!
//! [`read`] is clap's parser, but for mistakes: each is one sentence that names the word and says what
//! to type, and exit code 2. [`file_error`] says the same of files. Where `--json` was given, every [`failure`]
//! is data, on standard output.
#![forbid(unsafe_code)]

mod completion;
mod failure;
mod file;
mod mistake;
pub mod say;
#[cfg(test)]
mod tests;

pub use completion::{bash_completion, to_complete};
pub use failure::failure;
pub use file::{file_error, not_text};

use clap::Parser;
use clap::error::ErrorKind;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::{ExitCode, exit};

/// The exit code of a command line that cannot be followed.
const MISUSED: u8 = 2;

/// This program's arguments. Help and version are printed, a mistake is told, and the program ends. Where nothing
/// but a command is missing, the help follows.
#[must_use]
pub fn read<A: Parser>() -> A {
    let error = match A::try_parse() {
        Ok(arguments) => return arguments,
        Err(error) => error,
    };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        error.exit();
    }
    let json = std::env::args_os().any(|word| word == "--json");
    tell(A::command().get_name(), json, MISUSED, &mistake::sentence(&error, &A::command()));
    if !json && error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        aside(&format_args!("\n{}", error.to_string().trim_end()));
    }
    exit(MISUSED.into())
}

/// The end of a program that has done its work or says here why not, with exit code 1.
#[must_use]
pub fn end<E: Display>(program: &str, json: bool, done: Result<(), E>) -> ExitCode {
    let code = u8::from(done.is_err());
    if let Err(why) = done {
        tell(program, json, code, &format!("{why:#}"));
    }
    say::end(program);
    code.into()
}

/// Says on standard error why a program ends with this exit code; as data on standard output where JSON was
/// asked for.
pub fn tell(program: &str, json: bool, code: u8, sentence: &str) {
    if json {
        out(&serde_json::json!({ "error": failure(sentence, code) }));
    } else {
        aside(&format_args!("{program}: {sentence}"));
    }
}

/// One line on standard output.
fn out(line: &dyn Display) {
    let _ = writeln!(io::stdout().lock(), "{line:#}");
}

/// One line on standard error. The exit code is right even where nobody can be told why.
fn aside(line: &dyn Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What is wrong with a command line, in one sentence.
#[must_use]
pub fn sentence<A: Parser>(error: &clap::Error) -> String {
    mistake::sentence(error, &A::command())
}
