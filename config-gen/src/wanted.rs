//! The TOML file.

use anyhow::{Result, anyhow};
use libxl_vtpm::text::Place;
use serde::Deserialize;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// A text of the file, and where it stands.
pub(crate) type Text = Spanned<String>;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(default)]
    pub(crate) host: Host,
    #[serde(default)]
    pub(crate) manager: Option<Manager>,
    #[serde(default)]
    pub(crate) guest: Vec<Guest>,
    /// Where messages say that something stands.
    #[serde(skip)]
    source: Option<(PathBuf, String)>,
    /// The folder of the TOML file, where its paths begin.
    #[serde(skip)]
    pub(crate) relative_to: PathBuf,
    /// How domains run best on this machine, where that could be found out.
    #[serde(skip)]
    pub(crate) kind_here: Option<&'static str>,
}

/// What holds for all domains.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    pub(crate) output: Option<PathBuf>,
    pub(crate) disks: Option<Text>,
    pub(crate) images: Option<Text>,
    /// Whether scripts of the package are to look at the disks of manager and vTPM domains.
    pub(crate) check_disks: Option<bool>,
    /// Whether disk images are to have all their space from the start.
    pub(crate) allocated: Option<bool>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Text>,
}

/// The manager.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manager {
    pub(crate) name: Option<Text>,
    pub(crate) hardware: Option<Text>,
    pub(crate) memory: Option<Spanned<u32>>,
    pub(crate) disk: Option<Text>,
    pub(crate) iomem: Option<Spanned<Vec<Text>>>,
    pub(crate) extra: Option<Text>,
    /// A file of it that is there is left alone.
    #[serde(skip)]
    pub(crate) keep: bool,
}

/// One guest and its vTPM.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guest {
    pub(crate) name: Text,
    /// An xl configuration to which the vTPM is added.
    pub(crate) config: Option<Text>,
    pub(crate) tpm: Option<Text>,
    pub(crate) uuid: Option<Text>,
    pub(crate) ephemeral: Option<bool>,
    /// The vTPM serves a guest with its own `vtpm=` line and no other.
    pub(crate) pinned: Option<bool>,
    /// The vTPM domain: its name, memory, disk, and more words for its command line.
    pub(crate) vtpm: Option<Text>,
    pub(crate) vtpm_memory: Option<Spanned<u32>>,
    pub(crate) vtpm_disk: Option<Text>,
    pub(crate) vtpm_extra: Option<Text>,
    /// Where there is no `config`: what the guest's file is made of.
    #[serde(rename = "type")]
    pub(crate) kind: Option<Text>,
    pub(crate) memory: Option<Spanned<u32>>,
    pub(crate) vcpus: Option<Spanned<u32>>,
    pub(crate) kernel: Option<Text>,
    pub(crate) ramdisk: Option<Text>,
    pub(crate) cmdline: Option<Text>,
    pub(crate) bootloader: Option<Text>,
    #[serde(default)]
    pub(crate) disk: Vec<Text>,
    #[serde(default)]
    pub(crate) vif: Vec<Text>,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            name: Spanned::new(0..0, String::new()),
            config: None,
            tpm: None,
            uuid: None,
            ephemeral: None,
            pinned: None,
            vtpm: None,
            vtpm_memory: None,
            vtpm_disk: None,
            vtpm_extra: None,
            kind: None,
            memory: None,
            vcpus: None,
            kernel: None,
            ramdisk: None,
            cmdline: None,
            bootloader: None,
            disk: Vec::new(),
            vif: Vec::new(),
        }
    }
}

impl Wanted {
    /// Reads a file's text.
    ///
    /// # Errors
    /// What is wrong, with file, line and column.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self> {
        let mut wanted: Self = toml::from_str(text).map_err(|error| {
            let place = error.span().map(|span| Place::of(text, span.start));
            let place = place.map_or_else(String::new, |place| format!("{place}:"));
            anyhow!("{}:{place} {}", file.display(), explained(error.message()))
        })?;
        wanted.source = Some((file.to_owned(), text.to_owned()));
        wanted.relative_to = file.parent().unwrap_or(Path::new("")).to_owned();
        Ok(wanted)
    }

    /// An error about something that stands at `span`.
    pub(crate) fn error(&self, span: Range<usize>, what: impl fmt::Display) -> anyhow::Error {
        match &self.source {
            Some((file, text)) => {
                anyhow!("{}:{}: {what}", file.display(), Place::of(text, span.start))
            }
            None => anyhow!("{what}"),
        }
    }

    /// Where something stands, if in a file.
    pub(crate) fn place(&self, span: &Range<usize>) -> Option<Place> {
        self.source.as_ref().map(|(_, text)| Place::of(text, span.start))
    }

    /// An error about a word in a text of the file.
    pub(crate) fn error_at_word(
        &self,
        text: &Text,
        word: &str,
        what: impl fmt::Display,
    ) -> anyhow::Error {
        let span = text.span();
        let source = self.source.as_ref().and_then(|(_, all)| all.get(span.clone()));
        // A word that is written by an escape is not found: the text's own place then.
        let at = source.and_then(|written| written.find(word)).unwrap_or(0);
        self.error(span.start + at..span.end, what)
    }
}

/// What the TOML reader says, in words that tell what to write.
fn explained(said: &str) -> String {
    let quoted = || said.split('`').nth(1).unwrap_or_default();
    let given = said.split_once(": ").map_or(said, |(_, rest)| rest);
    let given = given.rsplit_once(", expected ").map_or(given, |(given, _)| given);
    let expected = said.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    match expected {
        "u32" => format!("{given} cannot stand here; write a whole number without quotes"),
        "a boolean" => format!("{given} cannot stand here; write true or false, without quotes"),
        "a string" => format!("{given} cannot stand here; write a text in quotes"),
        "a sequence" if given == "map" => "write [[guest]], with two brackets on each side".into(),
        "a sequence" => format!("{given} cannot stand here; write a list of texts: [\"…\"]"),
        _ if said.starts_with("missing field") => {
            format!("a line {} = \"…\" is missing here", quoted())
        }
        _ if said.starts_with("unknown field") => unknown(quoted(), expected),
        _ if said == "duplicate key" => "this key stands here a second time; take one out".into(),
        _ => format!("this is no TOML: {said}"),
    }
}

/// An unknown key, and the one that was probably meant, or all.
fn unknown(key: &str, expected: &str) -> String {
    let known: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
    match meant(key, &known) {
        Some(name) => format!("there is no key {key}; did you mean {name}?"),
        None => format!("there is no key {key}; the keys are {}", known.join(", ")),
    }
}

/// The known word that was probably meant.
pub(crate) fn meant<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let nearest = known.iter().min_by_key(|name| differences(name, word));
    nearest.copied().filter(|name| differences(name, word) <= 2)
}

/// How many characters have to be changed, added or taken out (Levenshtein's distance).
fn differences(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, c) in one.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (index, o) in other.iter().enumerate() {
            let changed = before + usize::from(c != *o);
            before = row[index + 1];
            row[index + 1] = changed.min(before + 1).min(row[index] + 1);
        }
    }
    row[other.len()]
}
