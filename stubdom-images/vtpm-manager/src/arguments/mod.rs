//! The manager's command line.

#[cfg(test)]
mod tests;

use crate::rollback::{AcceptWord, CounterWord, Rules};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use log::LevelFilter;
use tpm_hw::{Argument, Driver, HardwareArguments};
use vtpm_custody::PcrSelection;
use vtpm_store::manager::RollbackMode;

/// Everything that can be said on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The words about the hardware TPM: `tpm2`, `tpmdriver=`, `tpmiomem=`, `hwtpm=none` and so on.
    pub hardware: HardwareArguments,
    /// `provision=explicit`: only a command from domain 0 makes a vTPM's record.
    pub explicit: bool,
    /// `store=without-damaged`: go on without the records under a damaged branch of the store.
    pub without_damaged: bool,
    /// `seal=unmeasured`: a first start on a machine whose firmware measures nothing into the PCRs
    /// that the store's secret is sealed to.
    pub unmeasured: bool,
    /// `pcrs=`: which PCRs the store's secret is sealed to at a first start; `None` is the default.
    pub pcrs: Option<PcrSelection>,
    /// `rollback=`, `budget=`, `accept=`, `forget=`: how old state is refused.
    pub rollback: Rules,
    /// `loglevel=error|info|debug`; info when absent.
    pub log_level: LevelFilter,
}

/// A word that the manager must not run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArgumentError {
    /// It concerns the hardware TPM.
    Hardware(tpm_hw::ArgumentError),
    /// A known word with a value it cannot have.
    Value {
        /// The word as it was given.
        word: String,
        /// What may stand there.
        expected: &'static str,
    },
}

impl fmt::Display for ArgumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hardware(error) => write!(f, "{error}; see extra= of its configuration"),
            Self::Value { word, expected } => {
                write!(f, "argument {word:?} cannot be used: write {expected}")
            }
        }
    }
}

/// A sentence for the console about a word that has no effect.
pub type Notice = String;

impl Arguments {
    /// The names of the manager's own words; [`HardwareArguments::WORDS`] are taken besides.
    pub const WORDS: [&str; 9] = [
        "pcrs",
        "seal",
        "rollback",
        "budget",
        "accept",
        "forget",
        "provision",
        "store",
        "loglevel",
    ];

    /// Reads the words of a command line (split at blanks, quotes resolved). A word that is not
    /// known is left out and named in a notice, as one of an older release might be.
    ///
    /// # Errors
    /// [`ArgumentError`].
    pub fn parse<W: AsRef<str>>(
        words: impl IntoIterator<Item = W>,
    ) -> Result<(Self, Vec<Notice>), ArgumentError> {
        let mut arguments = Self {
            hardware: HardwareArguments::default(),
            explicit: false,
            without_damaged: false,
            unmeasured: false,
            pcrs: None,
            rollback: Rules::default(),
            log_level: LevelFilter::Info,
        };
        let mut notices = Vec::new();
        for word in words {
            let word = word.as_ref();
            match arguments.hardware.take(word).map_err(ArgumentError::Hardware)? {
                Argument::Taken => {}
                Argument::PassedOver(remark) => notices.push(format!("{remark}")),
                Argument::Other if word.is_empty() || arguments.take(word)? => {}
                Argument::Other => {
                    notices.push(format!("argument {word:?} is unknown and has no effect"));
                }
            }
        }
        if arguments.pcrs.is_some() && arguments.hardware.driver == Driver::None {
            notices.push("pcrs= has no effect without a hardware TPM (hwtpm=none)".into());
        }
        Ok((arguments, notices))
    }

    /// Takes one of the manager's own words; `false` when it is none.
    fn take(&mut self, word: &str) -> Result<bool, ArgumentError> {
        let value = |expected| ArgumentError::Value { word: String::from(word), expected };
        let (name, given) = word.split_once('=').unwrap_or((word, ""));
        if !Self::WORDS.contains(&name) {
            return Ok(false);
        }
        match (name, given) {
            ("provision", "explicit") => self.explicit = true,
            ("provision", "first-contact") => self.explicit = false,
            ("provision", _) => {
                return Err(value("provision=explicit or provision=first-contact"));
            }
            ("store", "without-damaged") => self.without_damaged = true,
            ("store", _) => return Err(value("store=without-damaged")),
            ("seal", "unmeasured") => self.unmeasured = true,
            ("seal", _) => return Err(value("seal=unmeasured")),
            ("pcrs", _) => {
                let pcrs = PcrSelection::parse(given);
                self.pcrs = Some(pcrs.map_err(|_| value(PCRS))?);
            }
            ("rollback" | "budget" | "accept" | "forget", _) => {
                self.take_rollback(name, given).map_err(value)?;
            }
            ("loglevel", "error") => self.log_level = LevelFilter::Error,
            ("loglevel", "info") => self.log_level = LevelFilter::Info,
            ("loglevel", "debug") => self.log_level = LevelFilter::Debug,
            ("loglevel", _) => {
                return Err(value("loglevel=error, loglevel=info or loglevel=debug"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes a word about old state, or tells what may stand there.
    fn take_rollback(&mut self, name: &str, given: &str) -> Result<(), &'static str> {
        let rules = &mut self.rollback;
        match (name, given) {
            ("rollback", "strict") => rules.mode = Some(RollbackMode::Strict),
            ("rollback", "batched") => rules.mode = Some(RollbackMode::Batched),
            ("rollback", "off") => rules.mode = Some(RollbackMode::Off),
            ("rollback", _) => return Err("rollback=strict, rollback=batched or rollback=off"),
            ("budget", _) => {
                let limit = given.parse().ok().filter(|limit| MEANT.contains(limit));
                rules.budget =
                    limit.ok_or("budget= and a number of increments a day, 1 to 86400")?;
            }
            ("accept", _) => {
                let word = AcceptWord::parse(given);
                rules.accept = Some(word.ok_or("accept=COMMIT/COUNTER as the refusal names them")?);
            }
            _ => {
                let word = CounterWord::parse(given);
                rules.forget = Some(word.ok_or("forget=COUNTER as the refusal names it")?);
            }
        }
        Ok(())
    }
}

/// What may stand for `pcrs=`.
const PCRS: &str = "pcrs= with banks and PCRs, as in pcrs=sha256:5,7 or pcrs=sha256:5,7+sha384:7";

/// Budgets that make sense: at most one increment a second.
const MEANT: core::ops::RangeInclusive<u32> = 1..=86_400;
