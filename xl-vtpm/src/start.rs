//! `create` and `manager start`.

use crate::arguments::{FOLDER, How};
use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::{busy, devices, files};
use crate::{lock, unfinished, xl};
use command_line::{file_error, not_text};
use libxl_vtpm::guest::Guest;
use libxl_vtpm::plan::{GuestStart, Plan, Role, Step, apply};
use libxl_vtpm::text;
use serde_json::json;
use std::path::Path;

/// Starts a guest and what it needs.
pub(crate) fn guest(file: &Path, how: &How, json: bool) -> Result<(), Exit> {
    let read = Guest::read(file)?;
    for warning in &read.warnings {
        eprintln!("xl-vtpm: warning: {warning}");
    }
    if let Some(why) = files::of_ours(file) {
        return Err(Exit::not_done(why));
    }
    let mut host = Host::open()?;
    let name = read.name.clone().ok_or_else(|| {
        Exit::not_done(format!("{}: the guest has no name; write name=\"…\"", file.display()))
    })?;
    let runs = |host: &Host| match host.xen.find(&name) {
        Some(_) => Err(Exit::not_done(format!(
            "the guest {name} runs already; to start it anew, end it first: xl-vtpm shutdown {name}"
        ))),
        None => Ok(()),
    };
    runs(&host)?;
    if read.vtpms.is_empty() {
        eprintln!("xl-vtpm: warning: {}", files::without_tpm(file, &name, Path::new(FOLDER)));
    }
    for vtpm in &read.vtpms {
        devices::holds_one(&host, &vtpm.backend)?;
        busy::refuse(&host, &vtpm.backend)?;
    }
    // While it is held, nobody takes the vTPMs for idle.
    let _starting = lock::guest(&name, lock::patience())?;
    // Another create of this guest was waited for, perhaps.
    runs(&host)?;
    host.guest = Some(name.clone());
    clear(&host, how)?;
    let backends = read.vtpms.iter().map(|vtpm| (vtpm.backend.clone(), Role::Vtpm));
    let places = Places { named: &how.config, beside: file.parent() };
    let known = places.known(&host, &backends.collect::<Vec<_>>())?;
    let start = GuestStart {
        name,
        file: file.to_owned(),
        vtpms: read.vtpms,
        for_xl: for_xl(file, !read.warnings.is_empty())?,
    };
    let plan = Plan::guest(&start, &known, how.timeout).map_err(Exit::not_done)?;
    take(&plan, host, how, json)
}

/// The file's text for stock xl, where there was something to warn of.
fn for_xl(file: &Path, warned: bool) -> Result<Option<String>, Exit> {
    if !warned {
        return Ok(None);
    }
    let failed = |why: &dyn std::fmt::Display| Exit::not_done(format!("{}:{why}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| {
        Exit::not_done(file_error(file, &error, "name the guest's xl configuration"))
    })?;
    let text = str::from_utf8(&bytes).map_err(|_| {
        let todo = "save the file as UTF-8, or write what was warned of as stock xl knows it";
        Exit::not_done(not_text(file, &bytes, todo))
    })?;
    text::for_xl(text).map_err(|why| failed(&why))
}

/// Starts the manager.
pub(crate) fn manager(name: &str, how: &How, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    clear(&host, how)?;
    let places = Places { named: &how.config, beside: None };
    let known = places.known(&host, &[(name.to_owned(), Role::Manager)])?;
    let plan = Plan::domain(name, Role::Manager, &known, how.timeout).map_err(Exit::not_done)?;
    take(&plan, host, how, json)
}

/// What was left half made is not taken for a domain that runs.
fn clear(host: &Host, how: &How) -> Result<(), Exit> {
    if how.dry_run {
        return Ok(());
    }
    Ok(unfinished::clear(host, &mut |line| eprintln!("xl-vtpm: {line}"))?)
}

fn take(plan: &Plan, mut host: Host, how: &How, json: bool) -> Result<(), Exit> {
    if !how.dry_run {
        host.heeds_signals()?;
        apply(plan, &mut host, &mut |step| {
            if !json {
                println!("{step}");
            }
        })?;
        remind(plan, &host);
    } else if !json {
        println!("It would:");
        plan.steps.iter().for_each(|step| println!("  {step}"));
    }
    if json {
        println!("{:#}", json!({ "done": !how.dry_run, "steps": plan.steps }));
    }
    Ok(())
}

/// Says which words for one start are still on the command lines of managers that were started or found up.
fn remind(plan: &Plan, host: &Host) {
    let managers = plan.steps.iter().filter_map(|step| match step {
        Step::AwaitReady { name, role: Role::Manager, .. } => Some(name),
        _ => None,
    });
    for name in managers {
        // A manager that serves is not worth an error here.
        let config = host.xen.find(name).and_then(|domid| xl::running(domid).ok());
        for word in config.iter().flat_map(|config| once(&config.b_info.cmdline)) {
            eprintln!("xl-vtpm: warning: {}", reminder(name, word));
        }
    }
}

/// The words that go back on purpose, once (docs/rollback.md).
fn once(cmdline: &str) -> impl Iterator<Item = &str> {
    let words = cmdline.split_whitespace();
    words.filter(|word| ["accept=", "forget="].iter().any(|start| word.starts_with(start)))
}

fn reminder(manager: &str, word: &str) -> String {
    format!(
        "the manager {manager} runs with {word}, a word for one start; take it out of extra= in its file \
         now, so that the next start does not go back again"
    )
}

#[test]
fn a_guest_file_that_is_no_text_is_named_with_the_place_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("g.cfg");
    std::fs::write(&file, b"name = 'g'\n# caf\xe9\n").unwrap();
    assert_eq!(for_xl(&file, false).unwrap(), None, "stock xl reads it by itself");
    let why = for_xl(&file, true).unwrap_err().to_string();
    assert!(
        why.contains("g.cfg:2:6: a byte here is no text (UTF-8); save the file as UTF-8"),
        "{why}"
    );
}

#[test]
fn a_word_for_one_start_that_is_still_there_is_named() {
    let found: Vec<_> = once("tpm2 accept=57/1234 budget=100 forget=none xaccept=1").collect();
    assert_eq!(found, ["accept=57/1234", "forget=none"]);
    assert_eq!(once("tpm2 rollback=strict").count(), 0);
    let said = reminder("vtpmmgr", found[0]);
    assert!(said.contains("vtpmmgr runs with accept=57/1234") && said.contains("out of extra="));
}
