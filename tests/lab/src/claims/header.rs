//! The comment lines that head a claim's script.
//!
//! ```text
//! # claim: a guest's ten reboots leave the lockout counter at 0
//! # variants: pv pvh
//! # long-variants: pv-hundred
//! # needs: guests tpm=2 tpm-device=crb release=trixie time=120 dom0-mem=768
//! # needs: dom0-args=loglevel=7
//! # needs pvh: mem=3072
//! ```

use crate::machine::{Options, Tpm, TpmDevice};
use clap::ValueEnum;
use std::fmt;
use std::time::Duration;

/// A claim is given this long when it does not say.
const TIME: Duration = Duration::from_secs(180);

/// What a claim's script says about itself.
#[derive(Clone, Debug)]
pub struct Header {
    /// What it proves.
    pub sentence: String,
    /// It runs once for each, with `$VARIANT` set.
    pub variants: Vec<String>,
    /// The same for those that take too long to run each time.
    pub long_variants: Vec<String>,
    /// The machine it needs.
    pub options: Options,
    /// A variant, and words for its machine alone.
    of_variants: Vec<(String, String)>,
}

/// Why a header was not understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Mistake {
    /// There is no `# claim:` line.
    NoSentence,
    /// A word after `# needs:` is not known.
    UnknownNeed(String),
    /// A need's value is not understood.
    Value(String),
    /// Needs of a variant that there is not.
    UnknownVariant(String),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSentence => write!(f, "the script has no line \"# claim: SENTENCE\""),
            Self::UnknownNeed(word) => write!(
                f,
                "\"# needs:\" does not know {word}; it knows guests, boots, kernel-tests, systemd, \
                 containers, device-model, dpkg, tpm=, tpm-device=, tpm-dom0, release=, time=, mem=, dom0-mem=, dom0-args=, xen-args="
            ),
            Self::UnknownVariant(name) => {
                write!(f, "\"# needs {name}:\" is for no variant of this script")
            }
            Self::Value(word) => write!(f, "the value in \"# needs: {word}\" is not understood"),
        }
    }
}

impl std::error::Error for Mistake {}

impl Header {
    /// Reads the comment lines at the top of a script, up to the first line that is no comment.
    ///
    /// # Errors
    /// The sentence is missing or a need is not understood.
    pub fn parse(script: &str) -> Result<Self, Mistake> {
        let options = Options { fast: true, time_limit: TIME, ..Options::default() };
        let (sentence, variants, long_variants, of_variants) = Default::default();
        let mut header = Self { sentence, variants, long_variants, options, of_variants };
        for line in script.lines().take_while(|line| line.starts_with('#')) {
            header.line(line)?;
        }
        if header.sentence.is_empty() {
            return Err(Mistake::NoSentence);
        }
        for (name, _) in &header.of_variants {
            if !header.variants.iter().chain(&header.long_variants).any(|known| known == name) {
                return Err(Mistake::UnknownVariant(name.clone()));
            }
            header.of_variant(name)?;
        }
        Ok(header)
    }

    fn line(&mut self, line: &str) -> Result<(), Mistake> {
        if let Some(sentence) = line.strip_prefix("# claim:") {
            sentence.trim().clone_into(&mut self.sentence);
        } else if let Some(names) = line.strip_prefix("# variants:") {
            self.variants.extend(names.split_whitespace().map(String::from));
        } else if let Some(names) = line.strip_prefix("# long-variants:") {
            self.long_variants.extend(names.split_whitespace().map(String::from));
        } else if let Some(words) = line.strip_prefix("# needs:") {
            needs(&mut self.options, words)?;
        } else if let Some((name, words)) =
            line.strip_prefix("# needs ").and_then(|rest| rest.split_once(':'))
        {
            self.of_variants.push((name.into(), words.into()));
        }
        Ok(())
    }

    /// The same, with the machine that this variant needs.
    ///
    /// # Errors
    /// A need is not understood.
    pub fn of_variant(&self, variant: &str) -> Result<Self, Mistake> {
        let mut own = self.clone();
        for (_, words) in self.of_variants.iter().filter(|(name, _)| name == variant) {
            needs(&mut own.options, words)?;
        }
        Ok(own)
    }
}

fn needs(options: &mut Options, words: &str) -> Result<(), Mistake> {
    words.split_whitespace().try_for_each(|word| need(options, word))
}

fn need(options: &mut Options, word: &str) -> Result<(), Mistake> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let bad = || Mistake::Value(word.to_owned());
    let number = || value.parse::<u32>().map_err(|_| bad());
    match name {
        "guests" => options.guests = true,
        "kernel-tests" => options.kernel_tests = true,
        "systemd" => options.systemd = true,
        "containers" => options.containers = true,
        "device-model" => options.device_model = true,
        "dpkg" => options.dpkg = true,
        // A snapshot would bring an older state of the TPM back.
        "boots" => (options.boots, options.fast) = (true, false),
        "tpm-dom0" => options.tpm_dom0 = true,
        "tpm" => options.tpm = Some(Tpm::from_str(value, false).map_err(|_| bad())?),
        "tpm-device" => {
            options.tpm_device = TpmDevice::from_str(value, false).map_err(|_| bad())?
        }
        "release" => options.release = value.parse().map_err(|_| bad())?,
        "time" => options.time_limit = Duration::from_secs(number()?.into()),
        "mem" => options.memory = number()?,
        "dom0-mem" => options.dom0_memory = number()?,
        "dom0-args" => push(&mut options.dom0_args, value),
        "xen-args" => push(&mut options.xen_args, value),
        _ => return Err(Mistake::UnknownNeed(word.to_owned())),
    }
    Ok(())
}

fn push(words: &mut String, word: &str) {
    if !words.is_empty() {
        words.push(' ');
    }
    words.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_variants_and_needs_are_read() {
        let script = "#!/bin/bash\n# claim: it works\n# variants: pv pvh\n\
                      # long-variants: pv-ten\n# needs: guests tpm=1.2 time=9\n\
                      # needs: dom0-args=a=b dom0-args=c dom0-mem=512\n\n# needs: ignored-from-here\n";
        let header = Header::parse(script).unwrap();
        assert_eq!(header.sentence, "it works");
        assert_eq!(header.variants, ["pv", "pvh"]);
        assert_eq!(header.long_variants, ["pv-ten"]);
        assert!(header.options.guests && header.options.fast && !header.options.boots);
        assert_eq!(header.options.tpm, Some(Tpm::V1));
        assert_eq!(header.options.time_limit, Duration::from_secs(9));
        assert_eq!((header.options.dom0_args.as_str(), header.options.dom0_memory), ("a=b c", 512));
    }

    #[test]
    fn a_machine_that_lives_over_several_boots_is_booted_each_time() {
        let header = Header::parse("# claim: x\n# needs: boots tpm=2\n").unwrap();
        assert!(header.options.boots && !header.options.fast);
    }

    #[test]
    fn a_variant_may_need_a_machine_of_its_own() {
        let script = "# claim: x\n# variants: a b\n# needs: guests tpm=2 time=9\n\
                      # needs b: tpm=1.2 time=20\n";
        let header = Header::parse(script).unwrap();
        let (a, b) = (header.of_variant("a").unwrap(), header.of_variant("b").unwrap());
        assert_eq!((a.options.tpm, a.options.time_limit.as_secs()), (Some(Tpm::V2), 9));
        assert_eq!((b.options.tpm, b.options.time_limit.as_secs()), (Some(Tpm::V1), 20));
        assert!(b.options.guests);
    }

    #[test]
    fn a_mistake_names_the_word() {
        let of =
            |line: &str| Header::parse(&format!("# claim: x\n{line}\n")).unwrap_err().to_string();
        assert!(of("# needs: gests").contains("gests"));
        assert!(of("# needs c: tpm=2").contains("needs c"));
        assert!(of("# variants: c\n# needs c: tpm=4").contains("tpm=4"));
        assert!(of("# needs: tpm=3").contains("tpm=3"));
        assert!(of("# needs: release=sarge").contains("release=sarge"));
        assert_eq!(Header::parse("#!/bin/sh\nexit 0\n").unwrap_err(), Mistake::NoSentence);
    }
}
