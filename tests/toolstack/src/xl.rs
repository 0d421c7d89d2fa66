//! The real xl.

use anyhow::{Context, Result, bail};
use libxl_vtpm::Uuid;
use libxl_vtpm::line::StockXl;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn dry_run(file: &Path) -> Result<Output> {
    let mut xl = Command::new("xl");
    xl.args(["create", "--dryrun"]).arg(file).output().context("cannot run xl")
}

/// The configuration of a file as xl understands it, in libxl's JSON.
pub(crate) fn config_json(file: &Path) -> Result<String> {
    let done = dry_run(file)?;
    if !done.status.success() {
        bail!("xl refuses {}: {}", file.display(), String::from_utf8_lossy(&done.stderr));
    }
    Ok(config(&done.stdout)?.to_string())
}

fn config(printed: &[u8]) -> Result<Value> {
    serde_json::from_slice(printed).context("xl printed no JSON")
}

/// What the real xl makes of a `vtpm` item. The words it passed over cannot be seen from outside.
pub(crate) fn verdict(folder: &Path, line: &str) -> Result<StockXl> {
    let file = folder.join("line.cfg");
    let text = format!("name='g'\nmemory=64\nkernel='/bin/true'\nvtpm=[ {} ]\n", quoted(line));
    std::fs::write(&file, text)?;
    let done = dry_run(&file)?;
    if done.status.success() {
        let config = config(&done.stdout)?;
        let [vtpm] = vtpms(&config)?.as_slice() else { bail!("xl does not see one vTPM") };
        return Ok(accepted(vtpm));
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("");
    Ok(StockXl::Exits(last.to_owned()))
}

/// What the real xl makes of items that it takes, in one list. None holds both kinds of quotes.
pub(crate) fn verdicts(folder: &Path, lines: &[&str]) -> Result<Vec<StockXl>> {
    let file = folder.join("lines.cfg");
    let items: Vec<_> = lines.iter().map(|line| quoted(line)).collect();
    let text = format!("name='g'\nmemory=64\nkernel='/bin/true'\nvtpm=[ {} ]\n", items.join(",\n"));
    std::fs::write(&file, text)?;
    let config: Value = serde_json::from_str(&config_json(&file)?)?;
    let verdicts = vtpms(&config)?.iter().map(accepted).collect::<Vec<_>>();
    if verdicts.len() != lines.len() {
        bail!("xl sees {} vTPMs, not {}", verdicts.len(), lines.len());
    }
    Ok(verdicts)
}

fn quoted(line: &str) -> String {
    let quote = if line.contains('"') { '\'' } else { '"' };
    format!("{quote}{line}{quote}")
}

fn vtpms(config: &Value) -> Result<&Vec<Value>> {
    config.get("vtpms").and_then(Value::as_array).context("xl sees no vTPM")
}

fn accepted(vtpm: &Value) -> StockXl {
    let text = |key| vtpm.get(key).and_then(Value::as_str).unwrap_or("");
    let uuid = Uuid::try_parse(text("uuid")).unwrap_or_default();
    StockXl::Accepts {
        backend: text("backend_domname").to_owned(),
        uuid: (!uuid.is_nil()).then_some(uuid),
        passed_over: None,
    }
}
