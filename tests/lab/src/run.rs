//! One script, run as root in a dom0 of its own, over as many boots as it asks for.

use crate::boot::{self, End};
use crate::debian;
use crate::fetch::{self, Set};
use crate::image;
use crate::kernel_tests;
use crate::logs::Log;
use crate::machine::{Options, Parts, Workshop, input::Input};
use crate::place::Place;
use crate::systemd;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

/// What is run.
#[derive(Clone, Debug)]
pub struct Script {
    /// A file on this machine.
    pub file: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Runs `script`; its exit code. `say` gets its output line by line. A machine that lives over
/// several boots runs it again after each of them, with `BOOT` one higher.
///
/// # Errors
/// The lab itself failed, the time limit was reached ([`TimeLimit`](crate::machine::TimeLimit)), Xen
/// or dom0 crashed ([`Crash`](crate::machine::Crash)), or someone interrupted.
pub fn script(
    place: &Place,
    options: &Options,
    script: &Script,
    log: &Log,
    say: &mut dyn FnMut(&str),
) -> Result<u8> {
    let parts = Parts::gather(place, options)?;
    let workshop = Workshop::new()?;
    let mut said = String::new();
    let mut number = 1;
    loop {
        let input = of_boot(place, options, script, number, &said)?;
        let mut hear = |line: &str| {
            said.push_str(line);
            said.push('\n');
            say(line);
        };
        match boot::once(&parts, &workshop, &input, log, &mut hear)? {
            End::Cut => {}
            End::Exit(boot::AGAIN) if options.boots => {}
            End::Exit(code) => return Ok(code),
        }
        number += 1;
        log.note(&format!("boot {number}"));
    }
}

/// What dom0 is given for one boot. `said`: the script's lines of earlier boots.
fn of_boot(
    place: &Place,
    options: &Options,
    script: &Script,
    number: u32,
    said: &str,
) -> Result<Input> {
    let text =
        fs::read(&script.file).with_context(|| format!("cannot read {}", script.file.display()))?;
    let mut input = given(place, options)?;
    input.text("lab/.script", 0o755, text);
    let arguments: Vec<_> = script.arguments.iter().map(|word| quoted(word)).collect();
    let mut environment = options.environment.clone();
    if options.boots {
        environment.push(format!("BOOT={number}"));
        input.text("lab/said", 0o644, said);
    }
    input.text("lab/.start", 0o755, start_script(&environment, &arguments.join(" ")));
    Ok(input)
}

/// What every dom0 is given: the files asked for, the product's images, programs and manual pages,
/// the libraries of claims, fresh random bytes.
pub(crate) fn given(place: &Place, options: &Options) -> Result<Input> {
    let mut input = Input::default();
    for word in &options.inputs {
        input.add(word)?;
    }
    if options.kernel_tests {
        let folder = kernel_tests::folder(place)?;
        input.add(&format!("{}:{}", folder.display(), kernel_tests::IN_DOM0))?;
    }
    if options.systemd {
        input.add(&systemd::input(place, Set::Systemd)?)?;
    }
    if options.containers {
        input.add(&systemd::input(place, Set::Containers)?)?;
    }
    if options.device_model {
        input.add(&systemd::input(place, Set::DeviceModel)?)?;
        let kernel = image::boot_image(&fetch::tree(place, Set::Kernel(options.release.0))?)?;
        input.add(&format!("{}:/lab/guest/vmlinuz", kernel.display()))?;
    }
    if options.suites {
        input.add(&systemd::input(place, Set::Suites)?)?;
    }
    for entry in fs::read_dir(&place.product_images).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            input.add(&format!("{}:/lab/images/{name}", path.display()))?;
        }
    }
    let folders = [
        (&place.product_tools, "lab/tools"),
        (&place.hotplug, "lab/hotplug"),
        (&place.units, "lab/units"),
        (&place.libraries, "usr/local/bin"),
        (&place.pages, "lab/man"),
    ];
    for (folder, to) in folders {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            input.add(&format!("{}:/{to}/{name}", path.display()))?;
        }
    }
    if options.dpkg {
        let system = fetch::tree(place, Set::System(options.release.0))?;
        debian::add(&mut input, place, &system)?;
    }
    let mut seed = [0; 48];
    File::open("/dev/urandom")?.read_exact(&mut seed)?;
    input.text("lab/.seed", 0o600, seed);
    Ok(input)
}

fn start_script(environment: &[String], arguments: &str) -> String {
    let script = format!("exec ./.script {arguments} </dev/null >/dev/ttyS1 2>&1\n");
    String::from("#!/bin/sh\ncd /lab\n") + &exports(environment) + &script
}

/// Shell commands that set these `NAME=VALUE`.
pub(crate) fn exports(environment: &[String]) -> String {
    let pairs = environment.iter().map(|word| word.split_once('=').unwrap_or((word, "")));
    pairs.map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
}

pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_values_reach_the_script_unchanged() {
        let text = start_script(&["A=it's $x".into()], &quoted("b c"));
        assert!(text.contains("export A='it'\\''s $x'\n"), "{text}");
        assert!(text.contains("./.script 'b c' <"), "{text}");
    }
}
