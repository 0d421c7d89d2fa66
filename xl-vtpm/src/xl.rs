//! Stock xl, where it does what nothing else does: reading a configuration, and keeping a guest.

use crate::known::Config;
use libxl_vtpm::plan::Problem;
use serde::Deserialize;
use std::ffi::OsString;
use std::path::Path;

fn run<const N: usize>(words: [OsString; N]) -> Result<(bool, Vec<u8>, String), Problem> {
    let xl = duct::cmd("xl", words).stdin_null().stdout_capture().stderr_capture().unchecked();
    let done = xl.run().map_err(|error| Problem(format!("xl cannot be run: {error}")))?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Ok((done.status.success(), done.stdout, said))
}

/// What xl said, without what it always says.
fn complaint(said: &str) -> String {
    let lines = said.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("Parsing config"));
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() { "xl failed without a word".into() } else { lines.join("; ") }
}

/// A configuration as xl understands it, in libxl's JSON. Takes no lock and changes nothing.
pub(crate) fn config_json(file: &Path) -> Result<String, Problem> {
    let (good, json, said) = run(["create".into(), "--dryrun".into(), file.into()])?;
    if !good {
        return Err(Problem(format!("{}: {}", file.display(), complaint(&said))));
    }
    String::from_utf8(json).map_err(|_| Problem(format!("{}: xl printed no text", file.display())))
}

/// The configuration that a running domain was started with, and what was attached since.
pub(crate) fn running(domid: u32) -> Result<Config, Problem> {
    #[derive(Deserialize)]
    struct Listed {
        config: Config,
    }
    let (good, json, said) = run(["list".into(), "-l".into(), domid.to_string().into()])?;
    let listed = serde_json::from_slice::<Vec<Listed>>(&json);
    match listed.ok().and_then(|mut listed| listed.pop()) {
        Some(listed) if good => Ok(listed.config),
        _ => Err(Problem(format!("xl does not know domain {domid}: {}", complaint(&said)))),
    }
}

/// Starts a guest; xl stays behind to restart it when it reboots and to take it away when it ends.
pub(crate) fn create(file: &Path) -> Result<(), Problem> {
    let (good, _, said) = run(["create".into(), "-q".into(), file.into()])?;
    if good { Ok(()) } else { Err(Problem(complaint(&said))) }
}

#[test]
fn what_xl_always_says_is_no_complaint() {
    let said = "Parsing config from g.cfg\ng.cfg:1: config parsing error near `x'\n\n";
    assert_eq!(complaint(said), "g.cfg:1: config parsing error near `x'");
    assert_eq!(complaint("Parsing config from g.cfg\n"), "xl failed without a word");
}
