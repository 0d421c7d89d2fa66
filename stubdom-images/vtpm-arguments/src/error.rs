//! A command line that the domain must not run with.

use alloc::string::String;
use core::fmt;
use tpm_wire::TpmVersion;

/// Why the domain stops at its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentError {
    /// A known argument with a value it cannot have.
    Malformed {
        /// The word as it was given.
        word: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// An argument that only a manager could fulfil.
    NeedsManager {
        /// The word as it was given.
        word: String,
    },
    /// An argument that the chosen TPM version does not have.
    NotInVersion {
        /// The word as it was given.
        word: String,
        /// The version that does not have it.
        version: TpmVersion,
    },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { word, expected } => {
                write!(f, "argument {word:?} cannot be used: write {expected}")
            }
            Self::NeedsManager { word } => write!(
                f,
                "argument {word:?} needs a manager, which an ephemeral vTPM does not have: remove one of \
                     the two words"
            ),
            Self::NotInVersion { word, version } => {
                write!(f, "argument {word:?} does not exist for a TPM {version}: remove it")
            }
        }
    }
}
