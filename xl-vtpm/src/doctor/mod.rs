//! `doctor`: what is in the way of vTPMs on this machine, and what to do about it.

mod guest_kernel;
mod host;
mod machine;
#[cfg(test)]
mod tests;
mod tpm;
mod xen;
mod xenstored;

use crate::exit::Exit;
use clap::Args;
use machine::Machine;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Also look whether a guest's kernel is made for a vTPM: its config file (config-6.1.0-…, perhaps compressed by gzip), or a folder where the guest's file system is mounted; may be repeated
    #[arg(long, value_name = "PATH")]
    guest_kernel: Vec<PathBuf>,
    /// The folder in which the images of manager and vTPM domains are
    #[arg(long, value_name = "FOLDER", default_value = "/usr/lib/xen/boot", value_hint = clap::ValueHint::DirPath)]
    images: PathBuf,
    /// Look at the machine below this folder in place of this one
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    root: PathBuf,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Good,
    /// Worth knowing; vTPMs work.
    Note,
    /// vTPMs do not work, or not as they should, until it is put right.
    Bad,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    topic: &'static str,
    level: Level,
    says: String,
    /// What to do, in words that can be typed where there are such.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Finding {
    fn good(topic: &'static str, says: impl Into<String>) -> Self {
        Self { topic, level: Level::Good, says: says.into(), todo: None }
    }

    fn note(topic: &'static str, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { topic, level: Level::Note, says: says.into(), todo: Some(todo.into()) }
    }

    fn bad(topic: &'static str, says: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { topic, level: Level::Bad, says: says.into(), todo: Some(todo.into()) }
    }
}

/// Looks at everything; nothing is changed.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Exit> {
    let machine = Machine::at(&options.root, &options.images);
    let findings = findings(&machine, &options.guest_kernel);
    if json {
        println!("{:#}", json!({ "findings": findings }));
    } else {
        findings.iter().for_each(print);
    }
    match findings.iter().filter(|finding| finding.level == Level::Bad).count() {
        0 => Ok(()),
        bad => Err(Exit::Found(bad)),
    }
}

fn findings(machine: &Machine, guest_kernels: &[PathBuf]) -> Vec<Finding> {
    let mut found = xen::look(machine);
    found.extend(tpm::look(machine));
    found.extend(xenstored::look(machine));
    found.extend(host::look(machine));
    found.extend(guest_kernels.iter().flat_map(|path| guest_kernel::look(path)));
    found
}

fn print(finding: &Finding) {
    let level = match finding.level {
        Level::Good => "ok",
        Level::Note => "note",
        Level::Bad => "BAD",
    };
    for (at, line) in finding.says.lines().enumerate() {
        let (level, topic) = if at == 0 { (level, finding.topic) } else { ("", "") };
        println!("{level:<5} {topic:<13} {line}");
    }
    if let Some(todo) = &finding.todo {
        println!("{:<5} {:<13} -> {todo}", "", "");
    }
}
