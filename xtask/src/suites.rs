//! `./x suites`: other people's tests and programs in a guest on real Xen, on its vTPM and, side by side,
//! on swtpm: behind the same kernel, or on this machine.

mod baseline;
mod results;
mod tss_esapi;

use crate::{lab, steps};
use anyhow::{Context, Result, bail};
use baseline::Platform;
use clap::ValueEnum;
use results::Outcomes;
use std::fs;
use std::path::{Path, PathBuf};

/// What to run.
#[derive(clap::Args)]
#[command(
    after_help = "Needs target/images and target/tools (./x images), and 4 GB of memory. Each suite boots the lab once \
    and takes some minutes to an hour, with the processor emulated. What the cases said is left in target/suites/out. \
    It fails when something that passes on swtpm does not on the vTPM."
)]
pub(crate) struct Options {
    /// Write the figures into the table of docs/suites.md
    #[arg(long)]
    record: bool,
    /// Boot nothing: judge the outcomes that are in target/suites/out
    #[arg(long)]
    again: bool,
    /// Boot nothing: name the cases of tss-esapi that pass on swtpm with an open platform hierarchy only
    #[arg(long, conflicts_with_all = ["record", "again", "suites"])]
    closed: bool,
    /// Only these
    #[arg(value_enum)]
    suites: Vec<Suite>,
}

/// One suite, in the order in which they are run.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The kernel's own tests of TPM 2.0
    Kernel,
    /// Debian's programs for TPM 1.2, through tcsd
    Tpm12,
    /// Debian's programs for TPM 2.0: tpm2-tools, clevis, tpm2-openssl, tpm2-pkcs11
    Programs,
    /// The integration tests of the crate tss-esapi
    TssEsapi,
}

impl Suite {
    /// Its script's and its outcomes' name.
    fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Tpm12 => "tpm12",
            Self::Programs => "programs",
            Self::TssEsapi => "tss-esapi",
        }
    }

    /// Its row in the table: what it is, and the device it is run on.
    fn title(self) -> &'static str {
        match self {
            Self::Kernel => "kernel kselftest tpm2 (smoke, async, space) | `vtpm-proxy relay`",
            Self::Tpm12 => "tpm-tools, tpm-quote-tools, through tcsd | `/dev/tpm0`, TPM 1.2",
            Self::Programs => {
                "tpm2-tools, clevis, tpm2-openssl, tpm2-pkcs11 | `vtpm-proxy relay`, its `/dev/tpmrm`"
            }
            Self::TssEsapi => {
                "tss-esapi 7.6.0, integration tests | `/dev/tpm0`, with `platform=open`"
            }
        }
    }
}

/// Runs the suites one after the other and compares.
///
/// # Errors
/// What could not be built or run; the cases that pass on swtpm alone.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.closed {
        return closed();
    }
    let chosen = if options.suites.is_empty() { Suite::value_variants() } else { &options.suites };
    let mut worse = Vec::new();
    for suite in chosen {
        if !options.again {
            boot(*suite)?;
        }
        let outcomes = Outcomes::read(&out(), suite.name())?;
        let row = outcomes.row(suite.title());
        print!("{row}{}", outcomes.failures());
        if options.record {
            results::record(suite.title(), &row)?;
        }
        worse.extend(outcomes.worse().map(|case| format!("{}: {case}", suite.name())));
    }
    if worse.is_empty() {
        return Ok(());
    }
    bail!("these pass on swtpm and not on the vTPM:\n  {}", worse.join("\n  "))
}

/// What a vTPM's default, `platform=open` left out, changes for the one suite that asks for that hierarchy.
fn closed() -> Result<()> {
    let folder = folder().join("closed");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let program = tss_esapi::build(&self::folder())?;
    // Judged as the outcomes of the two TPMs are: what passes on the one and not on the other.
    for (platform, name) in [(Platform::Open, "swtpm"), (Platform::Closed, "ours")] {
        baseline::run(&program, &folder, platform, &folder.join(format!("tss-esapi.{name}")))?;
    }
    let outcomes = Outcomes::read(&folder, "tss-esapi")?;
    println!("cases of tss-esapi that pass with an open platform hierarchy only:");
    outcomes.worse().for_each(|case| println!("  {case}"));
    Ok(())
}

fn folder() -> PathBuf {
    steps::target().join("suites")
}

fn out() -> PathBuf {
    folder().join("out")
}

/// Runs a suite's script in the lab.
fn boot(suite: Suite) -> Result<()> {
    let out = out();
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let scripts = steps::root().join("tests/lab/suites");
    let mut words: Vec<String> =
        "run --guests --suites --mem 3584 --dom0-mem 1536 --time-limit 7200"
            .split(' ')
            .map(String::from)
            .collect();
    words.extend(["--in".into(), format!("{}:/lab/suites", scripts.display())]);
    match suite {
        Suite::Kernel => words.push("--kernel-tests".into()),
        Suite::TssEsapi => {
            let program = tss_esapi::build(&folder())?;
            let file = out.join("tss-esapi.swtpm");
            baseline::run(&program, &folder(), Platform::Open, &file)?;
            words.extend(["--in".into(), format!("{}:/lab/tss-esapi-tests", program.display())]);
        }
        Suite::Tpm12 | Suite::Programs => {}
    }
    words.extend(["--out".into(), path(&out)]);
    words.push(path(&scripts.join(format!("{}.sh", suite.name()))));
    lab::run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
