//! `./x soak`: guests use their TPMs, come and go on real Xen for hours, and nothing may grow.

use crate::{lab, programs};
use anyhow::{Result, ensure};

/// How long.
#[derive(clap::Args)]
#[command(
    after_help = "Takes the time asked for and ten to twenty minutes more: two hours and a quarter where nothing is said. \
    In the lab, on Xen under QEMU with a TPM 2.0 as hardware: the manager, two guests that stay and use \
    their TPMs all the time (random bytes, PCRs, keys made and used, NV storage, counters), each answer \
    looked at; beside them, turn after turn, guests that come, restart and go by stock xl and by xl-vtpm, \
    and a new TPM that is attached and detached. After the first turn, each ten minutes and at the end it counts: \
    Xen's free memory, grants that are mapped, event channels, nodes and watches in xenstore, loop devices, domains, \
    processes, open files and memory of domain 0's services; when all has ended, what heap and stack each domain of ours \
    used at the most, in the first turn and in the whole time, and how long answers took in both halves. It fails when \
    any of it grew, a command failed or a counter is not what it was. Five minutes of the same: \
    ./x lab claims soak~pv-short. A machine that does much else at the same time: LAB_PATIENCE=6 ./x soak."
)]
pub(crate) struct Options {
    /// How many hours; 2 where nothing is said
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    hours: Option<u32>,
    /// How many minutes
    #[arg(long, value_name = "N")]
    minutes: Option<u32>,
}

impl Options {
    fn minutes(&self) -> u32 {
        self.minutes.unwrap_or_else(|| self.hours.unwrap_or(2).saturating_mul(60))
    }
}

/// Builds images and programs, and runs the claim `soak` for that long; its lines are shown as they come.
///
/// # Errors
/// Something grew, failed or was lost; the lab failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let minutes = options.minutes();
    ensure!(
        (1..=24 * 60).contains(&minutes),
        "a soak takes a minute to a day, not {minutes} minutes"
    );
    programs()?;
    println!("soak: {minutes} minutes, and ten to twenty more for beginning and end");
    // Twice as long as expected, and an hour for the start of a slow machine.
    let limit = (minutes * 2 * 60 + 3600).to_string();
    let variable = format!("SOAK_MINUTES={minutes}");
    let patience = std::env::var("LAB_PATIENCE").unwrap_or_else(|_| "4".into());
    let patience = format!("LAB_PATIENCE={patience}");
    let script = lab::claim("soak").to_string_lossy().into_owned();
    lab::run(&[
        "run",
        "--guests",
        "--tpm",
        "2",
        "--xen-args",
        "conring_size=512k",
        "--time-limit",
        &limit,
        "--env",
        "VARIANT=pv-long",
        "--env",
        &variable,
        "--env",
        &patience,
        &script,
    ])
}
