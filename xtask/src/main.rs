//! Builds, tests and shows the project: what `./x` calls.
#![forbid(unsafe_code)]

mod bench;
mod check;
mod deb;
mod demo;
mod fuzz;
mod image_check;
mod images;
mod lab;
mod manual;
mod native;
mod negations;
mod powercut;
mod proofs;
mod reproduce;
mod room;
mod rules;
mod skips;
mod soak;
mod steps;
mod suite;
mod suites;
mod supply;
mod threats;
mod tools;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// One entry for people and for CI.
#[derive(Parser)]
#[command(name = "./x", bin_name = "./x")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the main job: a stock Linux guest uses its own TPM on real Xen, in the emulated lab
    #[command(
        after_help = "The first time takes five minutes or so on two processors, 3 GB below target/ and 2.5 GB of memory."
    )]
    Demo,
    /// Run every test: rules, lints, unit and flow tests, images, and the claims in the lab
    Test(suite::Options),
    /// Run the rules and lints only: formatting, clippy, rustdoc, and the project's own rules
    Check,
    /// Build and fetch the engine's C libraries into target/native (done by itself where needed)
    Native,
    /// Build the domains' images into target/images, domain 0's programs into target/tools
    Images {
        /// Leave domain 0's programs out
        #[arg(long)]
        alone: bool,
    },
    /// Build the Debian packages into target/deb: for Debian 12 and 13, out of one build
    Deb,
    /// Build twice, in two folders and once without a network, and compare the bytes
    Reproduce(reproduce::Options),
    /// Have cargo-deny judge licences, sources and known vulnerabilities of all crates (./x check does part of it)
    Deny(supply::deny::Options),
    /// The lab, real Xen under QEMU: ./x lab --help lists run, shell, claims
    #[command(disable_help_flag = true)]
    Lab {
        /// What the lab's own program is to do
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, num_args = 0..)]
        arguments: Vec<String>,
    },
    /// Write the parts of the manual pages in man/ that are made from the programs' options
    Man,
    /// Feed arbitrary input to everything that reads what a guest or the toolstack wrote
    Fuzz(fuzz::Options),
    /// Cut the power under the whole chain at every write and flush, 10,000 times
    Powercut(powercut::Options),
    /// Run other people's tests and programs in a guest on real Xen, side by side with swtpm
    Suites(suites::Options),
    /// Let guests use their TPMs, come and go on real Xen for two hours, and count what grows
    Soak(soak::Options),
    /// Measure a vTPM side by side with swtpm: one table, also in target/bench/latest.txt
    Bench(bench::Options),
}

fn main() -> ExitCode {
    match obey(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("x: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey(command: Command) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Test(options) => suite::run(&options),
        Command::Check => native::build().and_then(|()| check::run()),
        Command::Native => native::build(),
        Command::Demo => demo::run(),
        Command::Lab { arguments } => return lab::hand_over(&arguments),
        Command::Images { alone: true } => {
            native::build().and_then(|()| images::build(&images::ALL))
        }
        Command::Images { alone: false } => programs(),
        Command::Reproduce(options) => reproduce::run(&options),
        Command::Deny(options) => supply::deny::run(&options),
        Command::Deb => programs().and_then(|()| deb::build()),
        Command::Man => manual::write(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Powercut(options) => powercut::run(&options),
        Command::Suites(options) => suites::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// All that runs on a host: images and programs.
fn programs() -> anyhow::Result<()> {
    native::build()?;
    images::build(&images::ALL)?;
    tools::build()
}
