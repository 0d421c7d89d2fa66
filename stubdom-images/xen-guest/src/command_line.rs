//! The words of the domain's `extra=` line.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a command line has no meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandLineError {
    /// A quote was opened and not closed.
    OpenQuote(char),
}

impl fmt::Display for CommandLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenQuote(quote) => write!(f, "the command line has an unclosed {quote} in it"),
        }
    }
}

/// The command line as it was given, and its words.
///
/// Words are separated by blanks. A part between `"` or between `'` belongs to its word with all
/// its blanks, without the quotes; the other kind of quote is an ordinary character there. There is
/// no escape character. These are the rules upstream's stub domains have always had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    raw: String,
    words: Result<Vec<String>, CommandLineError>,
}

impl CommandLine {
    /// Reads a command line.
    #[must_use]
    pub fn parse(raw: &str) -> Self {
        Self { raw: raw.into(), words: split(raw) }
    }

    /// The line as it was given.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// The words, without quotes.
    ///
    /// # Errors
    /// [`CommandLineError::OpenQuote`].
    pub fn words(&self) -> Result<&[String], CommandLineError> {
        self.words.as_deref().map_err(|error| *error)
    }

    /// The text after `=` of the last word `name=…`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let words = self.words.as_deref().unwrap_or_default();
        words.iter().rev().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a word is there exactly.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.words.as_deref().unwrap_or_default().iter().any(|have| have == word)
    }
}

fn split(raw: &str) -> Result<Vec<String>, CommandLineError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in raw.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                // An empty pair of quotes is a word, too.
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    match quote {
        Some(open) => Err(CommandLineError::OpenQuote(open)),
        None => {
            words.extend(word);
            Ok(words)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    fn words(raw: &str) -> Vec<String> {
        CommandLine::parse(raw).words().unwrap().to_vec()
    }

    #[test]
    fn blanks_separate_words() {
        assert_eq!(words("  tpm2  ephemeral\tx=1 "), ["tpm2", "ephemeral", "x=1"]);
        assert_eq!(words(""), Vec::<String>::new());
    }

    #[test]
    fn quotes_keep_blanks_and_the_other_quote() {
        assert_eq!(words(r#"a="b c" 'd "e' f'g'h"#), ["a=b c", "d \"e", "fgh"]);
        assert_eq!(words("''"), vec![String::new()]);
    }

    #[test]
    fn an_open_quote_is_an_error_and_the_raw_line_stays() {
        let line = CommandLine::parse("a 'b c");
        assert_eq!(line.words(), Err(CommandLineError::OpenQuote('\'')));
        assert_eq!(line.raw(), "a 'b c");
        assert!(!line.has("a"));
    }

    #[test]
    fn the_last_value_of_a_name_wins() {
        let line = CommandLine::parse("test=a testing=b test=c=d");
        assert_eq!(line.value("test"), Some("c=d"));
        assert_eq!(line.value("tes"), None);
        assert!(line.has("testing=b"));
    }

    proptest! {
        #[test]
        fn plain_words_survive(list in prop::collection::vec("[^ \t\r\n\"']{1,8}", 0..8)) {
            prop_assert_eq!(words(&list.join(" ")), list);
        }

        #[test]
        fn any_text_is_survived(raw: String) {
            let _ = CommandLine::parse(&raw).words().map(<[String]>::len);
        }
    }
}
