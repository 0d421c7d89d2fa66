//! The lab's command line.
#![forbid(unsafe_code)]

mod arguments;

use anyhow::Result;
use arguments::{Arguments, Claims, Command, Folder};
use clap::Parser;
use lab::fetch::{self, Set};
use lab::logs::Log;
use lab::machine::Options;
use lab::place::Place;
use lab::{claims, image, interrupt, program, release, run, shell};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let place = Place::of_checkout();
    let done = interrupt::notice().and_then(|()| match Arguments::parse().command {
        Command::Run(run) => run_script(&place, &run),
        Command::Shell(machine) => run_shell(&place, machine),
        Command::Claims(claims) => run_claims(&place, &claims),
        Command::Fetch { release } => fetch_all(&place, release.0),
        Command::Path { folder } => print_path(&place, folder),
    });
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::from(claims::Outcome::exit_code_of_error(&error))
        }
    }
}

fn run_script(place: &Place, run: &arguments::Run) -> Result<u8> {
    let log = Log::begin(place, run.log.as_deref(), "run", true)?;
    let script = run::Script { file: run.script.clone(), arguments: run.arguments.clone() };
    let options = Options { boots: run.boots, ..run.machine.options()? };
    let code = run::script(place, &options, &script, &log, &mut |line| {
        let _reader_is_gone = writeln!(io::stdout(), "{line}");
    })?;
    log.note(&format!("exit code {code}; the whole log: {}", log.path.display()));
    Ok(code)
}

fn run_shell(place: &Place, machine: arguments::Machine) -> Result<u8> {
    let log = Log::begin(place, None, "shell", true)?;
    shell::open(place, &machine.with_a_day().options()?, &log)
}

fn run_claims(place: &Place, asked: &Claims) -> Result<u8> {
    if asked.table {
        print!("{}", claims::table(&claims::select(place, &[], true)?));
        return Ok(0);
    }
    let chosen = claims::select(place, &asked.names, asked.all)?;
    if asked.list {
        for claim in &chosen {
            println!("{}: {}", claim.name, claim.header.sentence);
        }
        return Ok(0);
    }
    let summary = claims::all(place, &chosen, asked.jobs.unwrap_or_else(claims::jobs_that_fit));
    interrupt::check()?;
    println!("{summary}");
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    Ok(u8::from(!summary.good(in_ci)))
}

fn fetch_all(place: &Place, release: &'static release::Release) -> Result<u8> {
    image::of(place, release)?;
    for set in [Set::Qemu, Set::Swtpm, Set::Disk, Set::Libtpms] {
        fetch::tree(place, set)?;
    }
    for release in release::ALL {
        fetch::tree(place, Set::Libxl(release))?;
        fetch::tree(place, Set::System(release))?;
    }
    program::tpm_wrappers(place)?;
    program::qemu_wrapper(place)?;
    program::valgrind_wrapper(place)?;
    println!("versions: {}", place.manifest().display());
    Ok(0)
}

fn print_path(place: &Place, folder: Folder) -> Result<u8> {
    let path = match folder {
        Folder::Valgrind => program::valgrind_wrapper(place)?,
        Folder::Libtpms => fetch::tree(place, Set::Libtpms)?,
        Folder::Swtpm => program::tpm_wrappers(place)?.join("swtpm"),
        Folder::TpmTools => program::tpm_wrappers(place)?,
        Folder::Libxl417 => fetch::tree(place, Set::Libxl(&release::BOOKWORM))?,
        Folder::Libxl420 => fetch::tree(place, Set::Libxl(&release::TRIXIE))?,
        Folder::Tss => fetch::tree(place, Set::Tss)?,
        Folder::Suites => fetch::tree(place, Set::Suites)?,
        Folder::Manifest => place.manifest(),
    };
    println!("{}", path.display());
    Ok(0)
}
