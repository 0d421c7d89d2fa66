//! `./x fuzz`: arbitrary input for everything that reads what a guest or the toolstack wrote.

mod folders;
mod keep;
mod record;

use crate::{native, steps};
use anyhow::{Context, Result, bail, ensure};
use folders::{build_folder, built, found, kept, made, sources, unpacked};
use record::Run;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release of cargo-fuzz that is installed.
const CARGO_FUZZ: &str = "0.13.1";
const NIGHTLY: &str = "nightly";
const HOST: &str = "x86_64-unknown-linux-gnu";
/// A folder in memory, on every Linux with glibc (shm_open(3)).
const MEMORY: &str = "/dev/shm";

/// What to fuzz.
#[derive(clap::Args)]
#[command(
    after_help = "First builds the targets, which takes some minutes, and says how long all of them will then take: a \
    quarter of an hour where neither a time nor a target is named. Says of each what it covered: processor time, \
    inputs run, edges reached. \
    Needs a nightly Rust (rustup toolchain install nightly --profile minimal) \
    and a C++ compiler (apt-get install g++). cargo-fuzz is installed into target/tools by itself. \
    What is found is left in target/fuzz/artifacts; give that file to --replay to see it again, \
    and keep it in tests/fuzz/corpus once it is understood: ./x test runs what is there."
)]
pub(crate) struct Options {
    /// How long to fuzz each target
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Add each run's figures to the table in docs/fuzzing.md
    #[arg(long, conflicts_with = "replay")]
    record: bool,
    /// Run nothing new; of what was found so far, keep in tests/fuzz/found what reaches more
    #[arg(long, conflicts_with_all = ["replay", "record"])]
    keep: bool,
    /// Name the targets and end
    #[arg(long)]
    list: bool,
    /// Run the target on this one input only
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
    /// Only this target
    target: Option<String>,
}

/// Fuzzes one target after the other.
///
/// # Errors
/// What is missing and how to get it; the target that found something.
pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = chosen(options.target.as_deref())?;
    if options.list {
        targets.iter().for_each(|target| println!("{target}"));
        return Ok(());
    }
    if let Some(file) = &options.replay {
        ensure!(file.is_file(), "{} is no file; name one of target/fuzz/artifacts", file.display());
    }
    tools_are_there()?;
    native::build()?;
    let program = cargo_fuzz()?;
    if options.replay.is_none() && !options.keep {
        eprintln!("{}", announced(targets.len(), options.seconds));
    }
    let mut steps = steps::Steps::new();
    steps.take("building the targets", || steps::run(&mut build(&program)))?;
    for target in targets {
        if options.keep {
            steps.take(&format!("what {target} found"), || keep::keep(&target))?;
            continue;
        }
        let arguments = arguments(&target, options)?;
        steps.take(&format!("fuzzing {target}"), || {
            let run = run_one(&target, &arguments)?;
            println!("{target}: {run}");
            if options.record { record::add(&steps::root(), &target, &run) } else { Ok(()) }
        })?;
    }
    eprint!("{}", steps.summary());
    Ok(())
}

/// How long it will take.
fn announced(targets: usize, seconds: u32) -> String {
    let all = u64::from(seconds) * targets as u64;
    let s = if targets == 1 { "" } else { "s" };
    format!("{targets} target{s}, {seconds} s each: {} min once they are built", all.div_ceil(60))
}

/// Runs a target, shows what it says, and reads from that what it did.
fn run_one(target: &str, arguments: &[String]) -> Result<Run> {
    let before = record::seconds_of_children()?;
    let mut command = Command::new(built().join(target));
    // As cargo-fuzz does: two crates of one name are no fault.
    command.args(arguments).env("ASAN_OPTIONS", "detect_odr_violation=0").stderr(Stdio::piped());
    // A target with a file of its own should wait for no disk, and leave nothing: libFuzzer ends
    // without a destructor.
    let folder = tempfile::tempdir_in(MEMORY).context(MEMORY)?;
    command.env("TMPDIR", folder.path());
    let mut child = command.spawn().with_context(|| format!("could not start {target}"))?;
    let mut said = String::new();
    for line in child.stderr.take().map(BufReader::new).into_iter().flat_map(BufRead::lines) {
        let line = line?;
        eprintln!("{line}");
        said.push_str(&line);
        said.push('\n');
    }
    let status = child.wait()?;
    ensure!(
        status.success(),
        "{target} found something; the input is named above. See it again with: ./x fuzz --replay \
         FILE {target}"
    );
    // A part of a second counts for nothing.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, above 0")]
    let seconds = (record::seconds_of_children()? - before) as u64;
    Ok(Run { seconds, ..Run::of_output(&said) })
}

/// The targets are the files that hold their entry points.
fn chosen(asked: Option<&str>) -> Result<Vec<String>> {
    let folder = sources().join("fuzz_targets");
    let files = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let stems = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut all: Vec<String> = stems.collect();
    all.sort();
    match asked {
        None => Ok(all),
        Some(name) if all.iter().any(|target| target == name) => Ok(vec![name.into()]),
        Some(name) => bail!("there is no fuzz target {name}; there are: {}", all.join(", ")),
    }
}

fn tools_are_there() -> Result<()> {
    let answers = |program: &str, arguments: &[&str]| {
        Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
    };
    ensure!(
        answers("rustup", &["run", NIGHTLY, "rustc", "--version"]),
        "fuzzing needs a nightly Rust, since libFuzzer is built into the program by unstable \
         compiler options; get it with: rustup toolchain install {NIGHTLY} --profile minimal"
    );
    ensure!(
        answers("c++", &["--version"]),
        "fuzzing needs a C++ compiler for libFuzzer; get it with: apt-get install g++"
    );
    Ok(())
}

/// Installs cargo-fuzz unless it is there.
fn cargo_fuzz() -> Result<PathBuf> {
    let tools = steps::root().join("target/tools");
    let program = tools.join("bin/cargo-fuzz");
    if !program.is_file() {
        eprintln!("installing cargo-fuzz {CARGO_FUZZ} into {}", tools.display());
        let mut install = steps::cargo(["install", "--quiet", "--locked", "cargo-fuzz"]);
        install.args(["--version", CARGO_FUZZ, "--root"]).arg(&tools);
        steps::run(&mut install)?;
    }
    Ok(program)
}

/// `cargo fuzz build` under the nightly compiler, of all targets.
fn build(program: &Path) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", NIGHTLY])
        .arg(program)
        .args(["fuzz", "build", "--fuzz-dir"])
        .arg(sources());
    command.args(["--target", HOST, "--target-dir"]).arg(build_folder());
    // cargo set these for this program's own compiler
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command.current_dir(steps::root());
    command
}

/// New inputs go into a folder of their own; the kept ones are only read.
fn arguments(target: &str, options: &Options) -> Result<Vec<String>> {
    if let Some(file) = &options.replay {
        let file = fs::canonicalize(file).with_context(|| file.display().to_string())?;
        return Ok(vec![file.display().to_string()]);
    }
    let artifacts = made(&format!("artifacts/{target}"))?;
    Ok(vec![
        found(target)?.display().to_string(),
        kept(target).display().to_string(),
        unpacked(target)?.display().to_string(),
        format!("-max_total_time={}", options.seconds),
        format!("-artifact_prefix={}/", artifacts.display()),
        "-max_len=4096".into(),
        "-timeout=60".into(),
        "-print_final_stats=1".into(),
    ])
}

#[test]
fn how_long_it_takes_is_said_before() {
    assert_eq!(announced(16, 60), "16 targets, 60 s each: 16 min once they are built");
    assert_eq!(announced(1, 90), "1 target, 90 s each: 2 min once they are built");
}
