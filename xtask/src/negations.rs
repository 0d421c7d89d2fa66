//! A `!` in the lab's scripts that decides nothing.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Where scripts lie that say what fails.
const FOLDERS: [&str; 3] = ["claims", "libraries", "suites"];

/// Each place where a command that must fail is followed by another one.
///
/// # Errors
/// When the lab's scripts cannot be read.
pub(crate) fn all(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in FOLDERS.map(|name| root.join("tests/lab").join(name)) {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            found.extend(undecided(&text).map(|line| {
                let place = path.display();
                format!("{place}:{line}: `!` ends no script, not even with set -e: write if ...; then exit 1; fi")
            }));
        }
    }
    Ok(found)
}

/// The lines with such a place. The last command of a script, a quoted one or a function decides; so does one with
/// `||` or `&&` behind it.
fn undecided(text: &str) -> impl Iterator<Item = usize> {
    let places = text.match_indices("! ").filter(|(at, _)| {
        let begins = text.get(..*at).is_some_and(begins_a_command);
        begins && text.get(at + 2..).is_some_and(goes_on)
    });
    places.map(|(at, _)| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1)
}

fn begins_a_command(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    let words = ["then", "do", "else"];
    before.is_empty()
        || before.ends_with(['\n', ';', '\'', '"', '{'])
        || words.iter().any(|word| before.ends_with(word))
}

/// Whether another command follows this one, whatever it came to.
fn goes_on(command: &str) -> bool {
    let ends = [";", "\n", "'", "||", "&&"];
    let Some(end) = ends.iter().filter_map(|end| command.find(end)).min() else { return false };
    let (command, rest) = command.split_at(end);
    let next = rest.trim_start_matches([';', '\n', ' ', '\t']);
    let decides = ["||", "&&", "'"].iter().any(|end| rest.starts_with(end))
        || command.trim_end().ends_with('"')
        || ["}", "fi", "done", "'", "\""].iter().any(|end| next.starts_with(end));
    !decides && !next.is_empty()
}

#[test]
fn a_refusal_that_nobody_looks_at_is_found_and_no_other() {
    let lines = |text| undecided(text).collect::<Vec<_>>();
    assert_eq!(lines("a\n! b c; d\n"), [2]);
    assert_eq!(lines("check x sh -ec '\n! b\nc'\n"), [2]);
    assert_eq!(lines("if x; then ! b; c; fi\n"), [1]);
    for good in [
        "! b || fail x\nc\n",
        "check x sh -c '! b'\nc\n",
        "check x sh -c \"a; ! b\"\nc\n",
        "f() { a; ! b; }\nc\n",
        "if ! b; then c; fi\n",
        "a\n! b\n",
        "[ a ! = b ]\nc\n",
    ] {
        assert_eq!(lines(good), [0_usize; 0], "{good}");
    }
}
