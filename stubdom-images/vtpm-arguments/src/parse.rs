//! From words to [`Arguments`].

use super::{
    ArgumentError, Arguments, BankSelection, Custody, LocalityRules, Notice, PcrSet,
    PlatformHierarchy, Reattach, Startup, banks, locality, pcrs,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use log::LevelFilter;
use tpm_wire::TpmVersion;
use tpmif::Uuid;

const GUEST: &str = "guest= with the uuid= of the guest's vtpm= line, such as \
                     guest=4f8cd7f3-1c0b-4d1f-8a46-2f0e5c9a7b11, or nothing for any guest";

/// What was read so far.
struct Draft {
    arguments: Arguments,
    /// A word that only a manager can fulfil.
    managed: Option<String>,
    /// Words whose meaning depends on the TPM version, which may come later.
    only_20: Vec<String>,
    notices: Vec<Notice>,
}

pub(super) fn parse<W: AsRef<str>>(
    words: impl IntoIterator<Item = W>,
) -> Result<(Arguments, Vec<Notice>), ArgumentError> {
    let mut draft = Draft::new();
    for word in words {
        draft.word(word.as_ref())?;
    }
    draft.finish()
}

fn is_known(word: &str) -> bool {
    Arguments::WORDS.contains(&word.split_once('=').map_or(word, |(name, _)| name))
}

fn malformed(word: &str, expected: &'static str) -> ArgumentError {
    ArgumentError::Malformed { word: String::from(word), expected }
}

impl Draft {
    fn new() -> Self {
        let arguments = Arguments {
            version: TpmVersion::Tpm12,
            custody: Custody::Managed,
            log_level: LevelFilter::Info,
            startup: Startup::Clear,
            localities: LocalityRules::default(),
            banks: BankSelection::default(),
            platform: PlatformHierarchy::Closed,
            reattach: Reattach::Refuse,
            hardware_pcrs: PcrSet::default(),
            guest: None,
        };
        Self { arguments, managed: None, only_20: Vec::new(), notices: Vec::new() }
    }

    fn word(&mut self, word: &str) -> Result<(), ArgumentError> {
        match word.split_once('=') {
            _ if !word.is_empty() && !is_known(word) => self.unknown(word),
            None => self.flag(word),
            Some((name, value)) => self.setting(word, name, value)?,
        }
        Ok(())
    }

    fn flag(&mut self, word: &str) {
        match word {
            "" => {}
            "tpm2" => self.arguments.version = TpmVersion::Tpm20,
            "ephemeral" => self.arguments.custody = Custody::Ephemeral,
            "clear" => self.arguments.startup = Startup::Clear,
            "save" => self.arguments.startup = Startup::Save,
            "deactivated" => self.arguments.startup = Startup::Deactivated,
            _ => self.unknown(word),
        }
    }

    fn setting(&mut self, word: &str, name: &str, value: &str) -> Result<(), ArgumentError> {
        match name {
            "tpm2" => self.tpm2(word, value),
            "loglevel" => self.log_level(word, value),
            "maintcmds" => self.maintenance(word, value),
            "hwinitpcr" => self.hardware_pcrs(word, value),
            "locality" => self.locality(word, value),
            "banks" => self.banks(word, value),
            "platform" => self.platform(word, value),
            "reattach" => self.reattach(word, value),
            "guest" => self.guest(word, value),
            _ => {
                self.unknown(word);
                Ok(())
            }
        }
    }

    fn unknown(&mut self, word: &str) {
        self.notices.push(format!("argument {word:?} is unknown and has no effect"));
    }

    fn tpm2(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        if value != "1" {
            return Err(malformed(word, "tpm2 or tpm2=1 for a TPM 2.0, nothing for a TPM 1.2"));
        }
        self.arguments.version = TpmVersion::Tpm20;
        Ok(())
    }

    fn log_level(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        self.arguments.log_level = match value {
            "error" => LevelFilter::Error,
            "info" => LevelFilter::Info,
            "debug" => LevelFilter::Debug,
            _ => return Err(malformed(word, "loglevel=error, loglevel=info or loglevel=debug")),
        };
        Ok(())
    }

    fn maintenance(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        match value {
            "0" => {}
            "1" => self.notices.push(format!(
                "argument {word:?} has no effect: the engine, libtpms, has no maintenance commands"
            )),
            _ => return Err(malformed(word, "maintcmds=0 or maintcmds=1")),
        }
        Ok(())
    }

    fn locality(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        let rules = &mut self.arguments.localities;
        rules.add(value).ok_or_else(|| malformed(word, locality::EXPECTED))?;
        if rules.last_needs_label() {
            self.notices.push(format!(
                "argument {word:?} is for nobody: guests' labels are not read yet; write locality=0 \
                 for every guest"
            ));
        }
        Ok(())
    }

    fn banks(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        let banks = BankSelection::parse(value);
        self.arguments.banks = banks.ok_or_else(|| malformed(word, banks::EXPECTED))?;
        self.only_20.push(String::from(word));
        Ok(())
    }

    fn platform(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        if value != "open" {
            return Err(malformed(word, "platform=open, or nothing for a closed hierarchy"));
        }
        self.arguments.platform = PlatformHierarchy::Open;
        self.only_20.push(String::from(word));
        Ok(())
    }

    fn reattach(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        if value != "blank-pcrs" {
            return Err(malformed(word, "reattach=blank-pcrs, or nothing to refuse"));
        }
        self.arguments.reattach = Reattach::BlankPcrs;
        Ok(())
    }

    fn guest(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        let uuid = Uuid::parse(value).ok_or_else(|| malformed(word, GUEST))?;
        self.arguments.guest = Some(uuid);
        Ok(())
    }

    fn hardware_pcrs(&mut self, word: &str, value: &str) -> Result<(), ArgumentError> {
        let pcrs = PcrSet::parse(value).ok_or_else(|| malformed(word, pcrs::EXPECTED))?;
        self.managed = (!pcrs.is_empty()).then(|| String::from(word));
        self.arguments.hardware_pcrs = pcrs;
        Ok(())
    }

    fn finish(mut self) -> Result<(Arguments, Vec<Notice>), ArgumentError> {
        let version = self.arguments.version;
        if version == TpmVersion::Tpm20 && self.arguments.startup == Startup::Deactivated {
            return Err(ArgumentError::NotInVersion { word: "deactivated".into(), version });
        }
        if let (TpmVersion::Tpm12, Some(word)) = (version, self.only_20.pop()) {
            return Err(ArgumentError::NotInVersion { word, version });
        }
        if let (Custody::Ephemeral, Some(word)) = (self.arguments.custody, self.managed.take()) {
            return Err(ArgumentError::NeedsManager { word });
        }
        Ok((self.arguments, self.notices))
    }
}
