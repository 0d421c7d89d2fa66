//! `./x test`: everything that must hold, in the order in which it is cheapest to find out.

use crate::steps::{self, Steps};
use crate::{bench, check, deb, images, lab, native, room, skips, tools};
use anyhow::Result;

/// What to run.
#[derive(clap::Args)]
#[command(
    after_help = "Takes 20 to 30 minutes on two processors, 14 GB below target/ and 5 GB of memory: two machines \
    are emulated at once. Each test that is left out is named at the end, with the reason."
)]
pub(crate) struct Options {
    /// Leave out what needs the lab (real Xen under QEMU)
    #[arg(long)]
    no_lab: bool,
}

/// Runs the tests and says how long each step took and which tests were skipped.
///
/// # Errors
/// The first step that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    room::look(14);
    skips::begin()?;
    let mut steps = Steps::new();
    let outcome = take_all(options, &mut steps);
    eprint!("{}", steps.summary());
    eprint!("{}", skips::summary(&std::fs::read_to_string(skips::file())?));
    outcome
}

fn take_all(options: &Options, steps: &mut Steps) -> Result<()> {
    steps.take("the engine's C libraries", native::build)?;
    steps.take("rules and lints", check::run)?;
    if !options.no_lab {
        steps.take("the lab's packages, real peers among them", lab::fetch)?;
    }
    steps.take("unit and flow tests", || {
        let mut tests = steps::cargo(["test", "--quiet", "--workspace", "--all-features"]);
        steps::run(tests.env(skips::VARIABLE, skips::file()))
    })?;
    steps.take("images", || images::build(&images::ALL))?;
    steps.take("domain 0's programs", tools::build)?;
    steps.take("Debian packages", deb::build)?;
    steps.take("instructions of the hot paths", || bench::instructions(false))?;
    if options.no_lab {
        eprintln!("left out, as asked: the claims in the lab");
        return Ok(());
    }
    steps.take("claims on real Xen", lab::claims)
}
