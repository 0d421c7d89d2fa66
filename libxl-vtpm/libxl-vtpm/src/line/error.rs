//! What is wrong with a line, and what to type instead.

use super::stock::{StockXl, stock_xl};
use std::fmt;

/// A mistake and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// In characters within the item, from 1.
    pub column: usize,
    /// Which.
    pub mistake: Mistake,
}

/// What cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// No `backend=`.
    NoBackend,
    /// `backend=` with nothing behind it.
    EmptyBackend,
    /// `uuid=` with something else behind it.
    Uuid(String),
    /// `tpm=` with something else than 1.2 or 2.0 behind it.
    Version(String),
    /// `tpm2=` with something else than 1 behind it.
    Tpm2(String),
    /// TPM 1.2 and TPM 2.0 at once.
    TwoVersions,
    /// A word that means nothing.
    Unknown {
        /// Up to its `=`, if it has one.
        key: String,
        /// It has one.
        has_value: bool,
    },
}

/// The words there are, for the people who meant one of them.
const KEYS: [&str; 4] = ["backend", "uuid", "tpm", "tpm2"];

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBackend => f.write_str(
                "which domain holds the TPM is missing; write backend=NAME, the name of the vTPM's \
                 domain",
            ),
            Self::EmptyBackend => {
                f.write_str("backend= names no domain; write backend=NAME, without spaces")
            }
            Self::Uuid(text) => write!(
                f,
                "\"{text}\" is no uuid; write uuid= as cat /proc/sys/kernel/random/uuid prints one, for \
                 example uuid=0f8e1a52-7c3d-4b69-9a10-5566778899aa"
            ),
            Self::Version(text) => {
                write!(f, "there is no TPM \"{text}\"; write tpm=2.0 or tpm=1.2")
            }
            Self::Tpm2(text) => write!(
                f,
                "tpm2={text} means nothing; write tpm2 (or tpm=2.0), or tpm=1.2 for the other"
            ),
            Self::TwoVersions => {
                f.write_str("a TPM is either 1.2 or 2.0; leave one of the two words out")
            }
            Self::Unknown { key, has_value } => unknown(f, key, *has_value),
        }
    }
}

fn unknown(f: &mut fmt::Formatter<'_>, key: &str, has_value: bool) -> fmt::Result {
    let bare = key.trim().to_lowercase();
    if let Some(meant) = KEYS.into_iter().find(|known| *known == bare) {
        if key == meant {
            return write!(f, "\"{meant}\" needs a value; write {meant}=…");
        }
        return write!(
            f,
            "\"{key}\" is not a word of this line; write {meant}, in small letters and without spaces"
        );
    }
    let equals = if has_value { "=" } else { "" };
    write!(
        f,
        "\"{key}{equals}\" is not a word of this line; the words are backend=, uuid=, tpm=2.0 and tpm=1.2"
    )
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column, self.mistake)
    }
}

impl std::error::Error for LineError {}

/// What the writer of a line should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A key stands there a second time; the last one counts.
    Again {
        /// Where.
        column: usize,
        /// Which.
        key: &'static str,
    },
    /// The backend's name ends with a space, which xl takes for a part of it.
    SpaceAfterBackend {
        /// Where.
        column: usize,
    },
    /// Stock xl would pass over the line from here on, without a word.
    XlPassesOver {
        /// Where.
        column: usize,
        /// The word without `=`.
        word: String,
    },
    /// Stock xl would exit with this message.
    XlExits(String),
}

impl Warning {
    /// What stock xl would do with a line that has been understood here.
    pub(super) fn of_stock_xl(line: &str) -> Option<Self> {
        match stock_xl(line) {
            StockXl::Accepts { passed_over: None, .. } => None,
            StockXl::Accepts { passed_over: Some((column, word)), .. } => {
                Some(Self::XlPassesOver { column, word })
            }
            StockXl::Exits(message) => Some(Self::XlExits(message)),
        }
    }
}

impl Warning {
    /// Where in the item, in characters from 1.
    #[must_use]
    pub const fn column(&self) -> usize {
        match self {
            Self::Again { column, .. }
            | Self::SpaceAfterBackend { column }
            | Self::XlPassesOver { column, .. } => *column,
            Self::XlExits(_) => 1,
        }
    }
}

/// Without the column, which stands before it in one way or another.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again { key, .. } => {
                write!(f, "{key}= stands here again; only the last one counts")
            }
            Self::SpaceAfterBackend { .. } => f.write_str(
                "the space behind the backend's name becomes part of the name; take it out",
            ),
            Self::XlPassesOver { word, .. } => write!(
                f,
                "stock xl passes over everything from \"{word}\" on, without a word; these tools \
                 hand it a line without it"
            ),
            Self::XlExits(message) => write!(
                f,
                "stock xl does not take this line ({message}); these tools hand it one that it takes"
            ),
        }
    }
}
