//! A page as it is read.

use crate::{path, roff};
use std::fs;

/// A page's lines.
#[derive(Clone, Debug)]
pub struct Page {
    name: String,
    lines: Vec<String>,
}

/// Something that a reader may type, and the kind of test that does so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// The page and the line that it begins at, for messages.
    pub place: String,
    /// The word behind `example:`.
    pub kind: String,
    /// What follows that word.
    pub note: String,
    /// The lines as the reader sees them.
    pub lines: Vec<String>,
}

impl Example {
    /// The lines joined.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }
}

impl Page {
    /// Reads a page of `man/`.
    ///
    /// # Panics
    /// It cannot be read.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let text = fs::read_to_string(path(name)).unwrap_or_else(|why| panic!("man/{name}: {why}"));
        Self::read(name, &text)
    }

    pub(crate) fn read(name: &str, text: &str) -> Self {
        Self { name: name.into(), lines: text.lines().map(str::to_owned).collect() }
    }

    /// The names of all pages.
    ///
    /// # Panics
    /// The folder cannot be read.
    #[must_use]
    pub fn names() -> Vec<String> {
        let entries = fs::read_dir(path("")).unwrap_or_else(|why| panic!("man: {why}"));
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> =
            names.filter(|name| name.ends_with(['1', '5', '7', '8'])).collect();
        names.sort();
        names
    }

    /// Every `.EX` block. The line before each says how it is tested: `.\" example: KIND NOTE`.
    ///
    /// # Panics
    /// A block is not marked or does not end.
    #[must_use]
    pub fn examples(&self) -> Vec<Example> {
        let starts = self.lines.iter().enumerate().filter(|(_, line)| *line == ".EX");
        starts.map(|(at, _)| self.example(at)).collect()
    }

    fn example(&self, at: usize) -> Example {
        let place = format!("man/{}:{}", self.name, at + 1);
        let before = at.checked_sub(1).map(|before| self.lines[before].as_str());
        let mark = before.and_then(|line| line.strip_prefix(".\\\" example: "));
        let mark = mark.unwrap_or_else(|| panic!("{place}: nothing says how this is tested"));
        let (kind, note) = mark.split_once(' ').unwrap_or((mark, ""));
        let inside = self.lines[at + 1..].iter();
        let lines: Vec<_> =
            inside.take_while(|line| *line != ".EE").map(|l| roff::read(l)).collect();
        assert!(at + 1 + lines.len() < self.lines.len(), "{place}: this block has no end");
        Example { place, kind: kind.into(), note: note.into(), lines }
    }

    /// The first word of each tag (`.TP`) of a section: what it describes.
    #[must_use]
    pub fn tags(&self, section: &str) -> Vec<String> {
        let inside = self.section(section);
        let tags = inside.iter().enumerate().filter(|(_, line)| *line == ".TP");
        let tags = tags.filter_map(|(at, _)| inside.get(at + 1));
        let words = tags.map(|line| {
            let line = roff::read(line);
            let bare = [".BR ", ".BI ", ".B "].iter().find_map(|font| line.strip_prefix(font));
            bare.unwrap_or(&line).to_owned()
        });
        let first = words.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
        first.collect()
    }

    /// The lines of a section, `.SH` or `.SS` of this name, up to the next of its kind.
    #[must_use]
    pub fn section(&self, name: &str) -> &[String] {
        let title = |line: &str| {
            let line = line.strip_prefix(".SH ").or_else(|| line.strip_prefix(".SS "))?;
            Some(roff::read(line).trim_matches('"').to_owned())
        };
        let begins = self.lines.iter().position(|line| title(line).as_deref() == Some(name));
        let Some(begins) = begins else { return &[] };
        let inner = self.lines[begins].starts_with(".SS");
        let rest = &self.lines[begins + 1..];
        let ends = rest
            .iter()
            .position(|line| line.starts_with(".SH ") || (inner && line.starts_with(".SS ")));
        &rest[..ends.unwrap_or(rest.len())]
    }
}
