//! Builds, tests and shows the project: what `./x` calls.
#![forbid(unsafe_code)]

mod check;
mod image_check;
mod images;
mod native;
mod rules;
mod steps;
mod suite;

use clap::{Parser, Subcommand};

/// One entry for people and for CI.
#[derive(Parser)]
#[command(name = "./x", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test: rules, lints, unit and flow tests, images, and the claims in the lab
    Test(suite::Options),
    /// Run the rules and lints only: formatting, clippy, rustdoc, and the project's own rules
    Check,
    /// Build and fetch the engine's C libraries into target/native (done by itself where needed)
    Native,
    /// Build the domains' images into target/images
    Images,
}

fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(options) => suite::run(&options),
        Command::Check => native::build().and_then(|()| check::run()),
        Command::Native => native::build(),
        Command::Images => images::build(&["hello-stubdom"]),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("x: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
