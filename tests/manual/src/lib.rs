//! The manual pages beside the programs that they describe.
//!
//! A page in `man/` is written by hand, but for one part that is made from the program's own command
//! line and stands between two comments: [`assert_page`] fails where it is not what the program has,
//! and writes it when the environment variable `MANUAL` is `write` (`./x man`). [`Page::examples`] are
//! the examples of a page, each with the kind of test that runs it; [`Page::tags`] are the words that a
//! section describes.
#![forbid(unsafe_code)]

mod options;
mod page;
mod roff;
mod run;
#[cfg(test)]
mod tests;

pub use page::{Example, Page};
pub use run::run_examples;

use clap::Command;
use std::fs;
use std::path::PathBuf;

/// What stands before and behind the part that is made.
const BEGIN: &str = ".\\\" made from the program by ./x man\n";
const END: &str = ".\\\" end of what is made\n";

/// The file of a page.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../man").join(name)
}

/// Compares a page with its program, or writes it anew.
///
/// # Panics
/// The page lacks something that the program has, or the other way round.
pub fn assert_page(name: &str, command: Command) {
    let file = path(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|why| panic!("man/{name}: {why}"));
    let wanted = with_options(&text, command)
        .unwrap_or_else(|| panic!("man/{name} lacks the two lines around what is made"));
    if text == wanted {
        return;
    }
    if std::env::var_os("MANUAL").is_some_and(|word| word == "write") {
        fs::write(&file, wanted).unwrap_or_else(|why| panic!("man/{name}: {why}"));
        return;
    }
    let differs = text.lines().zip(wanted.lines()).position(|(is, should)| is != should);
    let line = differs.unwrap_or_else(|| text.lines().count().min(wanted.lines().count()));
    panic!(
        "man/{name}:{} is not what the program has: {:?} in place of {:?}; write it anew: ./x man",
        line + 1,
        text.lines().nth(line).unwrap_or_default(),
        wanted.lines().nth(line).unwrap_or_default()
    );
}

/// The page's text with its made part as the program has it.
fn with_options(text: &str, mut command: Command) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    command.build();
    Some(format!("{before}{BEGIN}{}{END}{after}", options::of(&command)))
}
