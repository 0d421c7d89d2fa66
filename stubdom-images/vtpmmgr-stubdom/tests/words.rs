//! The words that messages and pages name are words that the manager takes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tpm_hw::HardwareArguments;
use vtpm_manager::Arguments;

/// The crates that the image is made of, as far as their messages reach an administrator.
const CRATES: [&str; 9] = [
    "vtpmmgr-stubdom",
    "vtpm-manager",
    "vtpm-custody",
    "vtpm-store",
    "tpm-hw",
    "tpmback",
    "tpmfront",
    "xen-guest",
    "domain-io",
];

/// Words of the domain's own file, which xl takes.
const OF_THE_FILE: [&str; 6] = ["disk", "extra", "iomem", "kernel", "memory", "vtpm"];

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        if path.is_dir() && !["tests", "test_utils"].contains(&name) {
            sources(&path, into);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            into.push(path);
        }
    }
}

/// The string literals of a source, lines continued; comments and attributes left out.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.map(|line| format!("{line}\n")).collect::<String>();
    let (mut found, mut literal) = (Vec::new(), None::<String>);
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        match (&mut literal, letter) {
            (Some(_), '"') => found.extend(literal.take()),
            (Some(text), '\\') => match letters.next() {
                Some('\n') => while letters.next_if(|next| next.is_whitespace()).is_some() {},
                Some(other) => text.push(other),
                None => {}
            },
            (Some(text), other) => text.push(other),
            (None, '\'') if letters.next_if_eq(&'"').is_some() => {}
            (None, '"') => literal = Some(String::new()),
            (None, _) => {}
        }
    }
    found
}

/// `name=value` in a message; the value is empty where the message has none or a figure.
fn words_in(literal: &str) -> Vec<(String, String)> {
    let is_name =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let ends = |letter: char| letter.is_whitespace() || ")(`".contains(letter);
    let mut found = Vec::new();
    for (at, _) in literal.match_indices('=') {
        let before = &literal[..at];
        let name = &before[before.rfind(|letter| !is_name(letter)).map_or(0, |last| last + 1)..];
        let value = literal[at + 1..].split(ends).next().unwrap_or_default();
        let value = value.trim_end_matches([',', ';', ':', '.']);
        if name.starts_with(|letter: char| letter.is_ascii_lowercase()) && !before.ends_with('}') {
            found.push((name.to_string(), value.to_string()));
        }
    }
    found
}

#[test]
fn every_word_in_a_message_is_one_that_the_manager_takes() {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    CRATES.iter().for_each(|of| sources(&images.join(of).join("src"), &mut files));
    let mut seen = BTreeSet::new();
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a source");
        for (name, value) in literals(&source).iter().flat_map(|literal| words_in(literal)) {
            if OF_THE_FILE.contains(&name.as_str()) {
                continue;
            }
            let place = file.display();
            assert!(takes(&name), "{place}: {name}= is no word of the manager");
            if !value.is_empty() && !value.contains(['{', '.']) && value != value.to_uppercase() {
                let word = format!("{name}={value}");
                let taken = Arguments::parse([&word]);
                assert!(taken.is_ok(), "{place}: {word} is refused: {taken:?}");
            }
            seen.insert(name);
        }
    }
    for word in ["pcrs", "seal", "srk_handle", "hwtpm", "rollback", "accept", "tpmlocality"] {
        assert!(seen.contains(word), "no message names {word}=, so the messages were not found");
    }
}

/// Whether the parser knows the name: it takes it or complains about the value.
fn takes(name: &str) -> bool {
    match Arguments::parse([format!("{name}=")]) {
        Ok((_, notices)) => notices.iter().all(|notice| !notice.contains("is unknown")),
        Err(_) => true,
    }
}

/// The page that lists the words for people.
const PAGE: &str = include_str!("../../../docs/manager-words.md");

/// The code in a cell of a table.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_page_has_every_word_and_each_example_is_taken() {
    let (mut listed, mut rows) = (BTreeSet::new(), 0);
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").collect();
        let [words, examples, meaning, absent] = cells[..] else { panic!("four cells: {line}") };
        assert!(!meaning.trim().is_empty() && !absent.trim().is_empty(), "{line}");
        let names: BTreeSet<_> =
            code(words).iter().filter_map(|word| word.split('=').next()).collect();
        assert_eq!(names.len(), 1, "a row is about one word: {line}");
        // What is written without a placeholder is to be typed as it is.
        let typed = code(words).into_iter().filter(|word| *word == word.to_lowercase());
        let examples = code(examples).into_iter().inspect(|word| {
            assert!(names.contains(word.split('=').next().unwrap_or_default()), "{line}");
        });
        for word in typed.chain(examples) {
            let (_, notices) =
                Arguments::parse([word]).unwrap_or_else(|why| panic!("{word}: {why}"));
            assert!(!notices.iter().any(|notice| notice.contains("is unknown")), "{notices:?}");
            rows += 1;
        }
        listed.extend(names);
    }
    assert!(rows >= 30, "{rows}");
    let all: BTreeSet<_> = Arguments::WORDS.into_iter().chain(HardwareArguments::WORDS).collect();
    assert_eq!(listed, all, "the page and the parser");
    assert!(all.iter().all(|word| takes(word)), "each is taken");
}
