//! Words for a domain's command line (`extra=`), checked by the very readers that the domains have.

use crate::checks::quotable;
use crate::wanted::{Text, Wanted, meant};
use anyhow::Result;
use std::fmt;

/// The two kinds of domains that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    Vtpm,
    Manager,
}

/// Words that are decided by keys of their own, and what to write instead.
const OF_A_VTPM: [(&str, &str); 3] = [
    ("tpm2", "tpm = \"2.0\" or tpm = \"1.2\""),
    ("ephemeral", "ephemeral = true"),
    ("guest", "pinned = true"),
];
const OF_A_MANAGER: [(&str, &str); 2] =
    [("tpm2", "hardware = \"2.0\" or hardware = \"1.2\""), ("hwtpm", "hardware = \"none\"")];

impl Reader {
    const fn keys(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Vtpm => &OF_A_VTPM,
            Self::Manager => &OF_A_MANAGER,
        }
    }

    fn names(self) -> Vec<&'static str> {
        match self {
            Self::Vtpm => vtpm_arguments::Arguments::WORDS.to_vec(),
            Self::Manager => {
                let hardware = tpm_hw::HardwareArguments::WORDS;
                vtpm_manager::Arguments::WORDS.into_iter().chain(hardware).collect()
            }
        }
    }

    /// What the domain would stop at, or what would have no effect on it.
    fn complaints(self, words: &[&str]) -> Vec<String> {
        let notices = match self {
            Self::Vtpm => told(vtpm_arguments::Arguments::parse(words)),
            Self::Manager => told(vtpm_manager::Arguments::parse(words)),
        };
        // A driver's name, for one: it is found out anyway.
        notices.into_iter().filter(|notice| !notice.contains("is passed over")).collect()
    }
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vtpm => "a vTPM domain",
            Self::Manager => "the manager",
        })
    }
}

fn told<A, E: fmt::Display>(read: Result<(A, Vec<String>), E>) -> Vec<String> {
    read.map_or_else(|error| vec![error.to_string()], |(_, notices)| notices)
}

/// A command line of its first words and those that were asked for.
///
/// # Errors
/// A word that is none, that cannot stand there, or that would have no effect, with its own place.
pub(crate) fn line(
    wanted: &Wanted,
    reader: Reader,
    first: &[&str],
    more: Option<&Text>,
) -> Result<String> {
    let first = first.iter().copied().filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let Some(text) = more else { return Ok(first.join(" ")) };
    let more = quotable(wanted, text)?;
    let more: Vec<&str> = more.split_whitespace().collect();
    let all = [&first[..], &more[..]].concat();
    for word in &more {
        own_key(reader, word).or_else(|| unknown(reader, word)).map_or(Ok(()), |told| {
            Err(wanted.error_at_word(text, word, format!("\"{word}\" {told}")))
        })?;
    }
    if let Some(told) = reader.complaints(&all).into_iter().next() {
        let word = more.iter().find(|word| is_about(&told, word)).copied().unwrap_or_default();
        return Err(wanted.error_at_word(text, word, told));
    }
    Ok(all.join(" "))
}

fn name_of(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

fn own_key(reader: Reader, word: &str) -> Option<String> {
    let (_, write) = reader.keys().iter().find(|(key, _)| *key == name_of(word))?;
    Some(format!("is not said here; take it out, and write {write}"))
}

fn unknown(reader: Reader, word: &str) -> Option<String> {
    let (name, names) = (name_of(word), reader.names());
    if names.contains(&name) {
        // A word that stands alone with a value, or the other way round, has no effect either.
        let complaints = reader.complaints(&[word]);
        let has_none = complaints.iter().any(|told| told.contains("is unknown"));
        let form = if word == name { "a value: write" } else { "no value: write" };
        let write = if word == name { format!("{name}=…") } else { name.to_owned() };
        return has_none.then(|| format!("has no effect on {reader}; {name} needs {form} {write}"));
    }
    let keys = reader.keys();
    let others: Vec<_> =
        names.into_iter().filter(|name| keys.iter().all(|(key, _)| key != name)).collect();
    Some(match meant(name, &others) {
        Some(name) => format!("is no word of {reader}; did you mean {name}?"),
        None => format!("is no word of {reader}; the words are {}", others.join(", ")),
    })
}

/// Messages quote the whole word, or name it with its value.
fn is_about(told: &str, word: &str) -> bool {
    told.contains(&format!("{word:?}")) || told.starts_with(&format!("{}=", name_of(word)))
}
