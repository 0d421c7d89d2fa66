//! `./x powercut`: the power goes under the whole chain, thousands of times.

use crate::{native, steps};
use anyhow::Result;
use std::time::Instant;

/// How often.
#[derive(clap::Args)]
#[command(
    after_help = "The whole chain runs in one process: a guest with Linux's driver, the vTPM's backend, \
    engine and keeper, the real manager, their two disks, and a model of the hardware TPM's counter, \
    which remember every step: vTPMs of both versions, strict over a TPM 2.0, batched over a TPM 1.2, and \
    without one, from the first start on. Afterwards the power is cut at these steps, with several choices \
    of what had reached the media, and everything is started again; then it is cut during some of those \
    starts, too. ./x test does the same a thousand times."
)]
pub(crate) struct Options {
    /// How many cuts at least; 10,000 take about three minutes on a quiet machine
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cuts: u32,
}

/// The test that cuts.
const TEST: &str = "the_power_goes_ten_thousand_times_and_nothing_acknowledged_is_lost";

/// Cuts, and says what was covered and how long it took.
///
/// # Errors
/// The first cut after which something was lost or did not start.
pub(crate) fn run(options: &Options) -> Result<()> {
    native::build()?;
    let began = Instant::now();
    let test = format!("power::{TEST}");
    let mut cargo = steps::cargo(["test", "--quiet", "--package", "flow-tests"]);
    cargo.args(["--test", "managed", "--", "--ignored", "--exact", "--nocapture", &test]);
    steps::run(cargo.env("POWER_CUTS", options.cuts.to_string()))?;
    println!("took {} s", began.elapsed().as_secs());
    Ok(())
}

/// cargo runs no test, and calls that success, where none has the name.
#[test]
fn the_test_that_cuts_is_there() {
    let text = include_str!("../../tests/flow/tests/managed/power/mod.rs");
    assert!(text.contains(&format!("fn {TEST}()")));
}
