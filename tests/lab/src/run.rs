//! One script, run as root in a dom0 of its own.

use crate::logs::Log;
use crate::machine::{self, Options, Parts, Port, Watch, Workshop, input::Input, output};
use crate::place::Place;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// How long a machine that crashed is listened to: a call trace follows.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What is run.
#[derive(Clone, Debug)]
pub struct Script {
    /// A file on this machine.
    pub file: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

/// Runs `script`; its exit code. `say` gets its output line by line.
///
/// # Errors
/// The lab itself failed, the time limit was reached ([`machine::TimeLimit`]), Xen or dom0 crashed
/// ([`machine::Crash`]), or someone interrupted.
pub fn script(
    place: &Place,
    options: &Options,
    script: &Script,
    log: &Log,
    say: &mut dyn FnMut(&str),
) -> Result<u8> {
    let text =
        fs::read(&script.file).with_context(|| format!("cannot read {}", script.file.display()))?;
    let mut input = given(place, options)?;
    input.text("lab/.script", 0o755, text);
    let arguments: Vec<_> = script.arguments.iter().map(|word| quoted(word)).collect();
    input.text("lab/.start", 0o755, start_script(&options.environment, &arguments.join(" ")));
    let parts = Parts::gather(place, options)?;
    let workshop = Workshop::new()?;
    let mut machine = machine::start(&parts, &workshop, &input, log, None)?;
    log.note(if options.fast { "dom0 restored" } else { "machine started" });
    let mut watch = Watch::default();
    while let Some(event) = machine.next(log)? {
        if event.port != Port::Script {
            if let Some(crash) = watch.line(&event.line) {
                machine.last_words(log, LAST_WORDS);
                return Err(crash.into());
            }
        } else if let Some(mark) = event.line.strip_prefix("LAB-MARK ") {
            log.note(mark);
        } else if event.line.starts_with("LAB-EXIT: ") {
            break;
        } else {
            say(&event.line);
        }
    }
    if let Some(crash) = watch.end() {
        return Err(crash.into());
    }
    let report = output::read(&workshop.path("out.img"), options.out.as_deref());
    report.with_context(|| {
        format!("QEMU said: {:?}; the whole log: {}", machine.complaints(), log.path.display())
    })
}

/// What every dom0 is given: the files asked for, the product's images and programs, fresh random
/// bytes.
pub(crate) fn given(place: &Place, options: &Options) -> Result<Input> {
    let mut input = Input::default();
    for word in &options.inputs {
        input.add(word)?;
    }
    for entry in fs::read_dir(&place.product_images).into_iter().flatten() {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "gz") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            input.add(&format!("{}:/lab/images/{name}", path.display()))?;
        }
    }
    for entry in fs::read_dir(&place.product_tools).into_iter().flatten() {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        input.add(&format!("{}:/lab/tools/{name}", path.display()))?;
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
