//! A booted dom0, saved to a file: restoring it takes a second where booting takes seven.

use super::{Machine, Parts, Start, Workshop, qemu};
use crate::fetch;
use crate::image;
use crate::logs::Log;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How many are kept, newest use first; each takes some 400 MB.
const KEPT: usize = 8;

/// The snapshot for these parts, made first where there is none.
pub(super) fn of(parts: &Parts<'_>, log: &Log) -> Result<PathBuf> {
    let folder = parts.place.lab.join("snapshots");
    fs::create_dir_all(&folder)?;
    let key = key(parts)?;
    let file = folder.join(format!("{key}.vm"));
    let _one_at_a_time = fetch::lock(parts.place, &format!("snapshot-{key}"))?;
    if !file.exists() {
        log.note("booting dom0 once, to be saved");
        make(parts, &file, log).context("cannot make the snapshot")?;
        forget_old(&folder)?;
    }
    fs::File::open(&file)?.set_modified(SystemTime::now())?;
    Ok(file)
}

/// Everything that is in the saved memory or must match it.
fn key(parts: &Parts<'_>) -> Result<String> {
    let options = parts.options;
    let machine = qemu::machine(options, "").join(" ");
    let tpm = format!("{:?} {:?}", options.tpm, options.tpm_device);
    let guests = options.guests.to_string();
    let of_machine =
        [machine.as_str(), &tpm, &guests, &qemu::xen_words(options), &qemu::dom0_words(options)];
    Ok(image::key(&of_machine, &[&parts.images.key, &fetch::versions(&parts.qemu)?]))
}

fn make(parts: &Parts<'_>, file: &Path, log: &Log) -> Result<()> {
    let workshop = Workshop::new()?;
    for disk in ["in.img", "out.img"] {
        workshop.blank_disk(disk)?;
    }
    let mut machine = Machine::start(parts, &workshop, &Start::BootToSave, None)?;
    loop {
        match machine.next(log)? {
            Some(event) if event.line.starts_with("LAB-MARK ready") => break,
            Some(_) => {}
            None => bail!("dom0 did not come up: {}", machine.complaints()),
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    let partial = file.with_extension("partial");
    save(&mut machine, &partial)?;
    fs::rename(partial, file)?;
    Ok(())
}

fn save(machine: &mut Machine<'_>, to: &Path) -> Result<()> {
    machine.qmp.execute("stop")?;
    let uri = format!("exec:exec cat > '{}'", to.display());
    machine.qmp.execute_with("migrate", &json!({ "uri": uri }))?;
    loop {
        let answer = machine.qmp.execute("query-migrate")?;
        match answer["status"].as_str() {
            Some("completed") => break,
            Some("failed" | "cancelled") => bail!("QEMU could not save the machine: {answer}"),
            _ => machine.parts.check_time()?,
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    // QEMU may be gone before its answer was read.
    let _ = machine.qmp.execute("quit");
    while machine.qemu.ended()?.is_none() {
        machine.parts.check_time()?;
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn forget_old(folder: &Path) -> Result<()> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        all.push((entry.metadata()?.modified()?, entry.path()));
    }
    all.sort();
    for (_, path) in all.iter().rev().skip(KEPT) {
        fs::remove_file(path)?;
    }
    Ok(())
}
