//! `./x deny`: cargo-deny over the whole of `deny.toml`.

use crate::steps;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// The release of cargo-deny that is installed.
const CARGO_DENY: &str = "0.20.2";

/// What to check.
#[derive(clap::Args)]
#[command(
    after_help = "cargo-deny is installed into target/audit by itself, which takes some minutes once. Known \
    vulnerabilities need its advisory database, which it fetches; --offline leaves them out and says so."
)]
pub(crate) struct Options {
    /// Ask no network: licences, bans and sources only
    #[arg(long)]
    offline: bool,
}

/// Installs cargo-deny unless it is there, and lets it judge.
///
/// # Errors
/// What it does not allow, or why it could not be installed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let program = program()?;
    let check = |what: &[&str]| {
        let mut cargo = std::process::Command::new(&program);
        cargo.current_dir(steps::root()).args(["--locked", "check"]).args(what);
        steps::run(&mut cargo)
    };
    check(&["licenses", "bans", "sources"])?;
    if options.offline {
        eprintln!("left out, as asked: known vulnerabilities");
        return Ok(());
    }
    check(&["advisories"]).context(
        "known vulnerabilities; where their database cannot be fetched: ./x deny --offline judges the rest",
    )
}

fn program() -> Result<PathBuf> {
    let tools = steps::root().join("target/audit");
    let program = tools.join("bin/cargo-deny");
    if !program.is_file() {
        eprintln!("installing cargo-deny {CARGO_DENY} into {}", tools.display());
        let mut install = steps::cargo(["install", "--quiet", "--locked", "cargo-deny"]);
        install.args(["--version", CARGO_DENY, "--root"]).arg(&tools);
        steps::run(&mut install)?;
    }
    Ok(program)
}
