//! The words that let an administrator put an old copy back: each names what it is about, so that
//! it works once.

use core::fmt;

/// What the hardware's counter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterWord {
    /// This.
    Says(u64),
    /// `none`: there is no counter, or none that can be read.
    None,
}

impl CounterWord {
    /// Reads `1234` or `none`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "none" { Some(Self::None) } else { text.parse().ok().map(Self::Says) }
    }
}

impl fmt::Display for CounterWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Says(value) => write!(f, "{value}"),
            Self::None => f.write_str("none"),
        }
    }
}

/// A copy of the store and the counter it is to be put back under: `COMMIT/COUNTER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptWord {
    /// The commit in the copy.
    pub sequence: u64,
    /// What the counter says. It advances with the acceptance, so the word is good for once.
    pub counter: CounterWord,
}

impl AcceptWord {
    /// Reads `57/1234` or `57/none`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, counter) = text.split_once('/')?;
        Some(Self { sequence: sequence.parse().ok()?, counter: CounterWord::parse(counter)? })
    }
}

impl fmt::Display for AcceptWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.sequence, self.counter)
    }
}
