//! Stock xl, where it does what nothing else does: reading a configuration, and keeping a guest.

use crate::known::Config;
use duct::Expression;
use libxl_vtpm::plan::Problem;
use serde::Deserialize;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};
use xenlight_sys::cause_first;

/// For xl to read a configuration or to tell of a domain. It waits for no lock then.
const TO_TELL: Duration = Duration::from_secs(60);

/// For a guest to be made: libxl itself gives each of its devices' scripts 40 s.
const TO_CREATE: Duration = Duration::from_secs(600);

const LOOK: Duration = Duration::from_millis(10);

fn run<const N: usize>(
    words: [OsString; N],
    limit: Duration,
) -> Result<(bool, Vec<u8>, String), Problem> {
    let xl = duct::cmd("xl", words).stdin_null().stdout_capture().stderr_capture().unchecked();
    let done = within(&xl, limit)?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Ok((done.status.success(), done.stdout, said))
}

/// Runs xl, which is killed when it has not ended in time: it may wait for ever, for its lock or a script.
fn within(xl: &Expression, limit: Duration) -> Result<Output, Problem> {
    let failed = |error: io::Error| Problem(format!("xl cannot be run: {error}"));
    let (child, deadline) = (xl.start().map_err(failed)?, Instant::now() + limit);
    loop {
        if let Some(done) = child.try_wait().map_err(failed)? {
            return Ok(done.clone());
        }
        if Instant::now() >= deadline {
            // Whether it can be killed changes nothing.
            let _ = child.kill();
            return Err(Problem(format!(
                "xl has not ended after {} s and was killed; xl list shows what it has left",
                limit.as_secs()
            )));
        }
        std::thread::sleep(LOOK);
    }
}

/// What xl said, the cause first, without what it always says.
fn complaint(said: &str) -> Problem {
    let lines = said.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("Parsing config"));
    let said = lines.collect::<Vec<_>>().join("\n");
    match &cause_first(&said)[..] {
        [] => Problem("xl failed without a word".into()),
        lines => Problem::of_lines(lines),
    }
}

/// A configuration as xl understands it, in libxl's JSON. Takes no lock and changes nothing.
pub(crate) fn config_json(file: &Path) -> Result<String, Problem> {
    let (good, json, said) = run(["create".into(), "--dryrun".into(), file.into()], TO_TELL)?;
    if !good {
        return Err(Problem(format!("{}: {}", file.display(), complaint(&said).0)));
    }
    String::from_utf8(json).map_err(|_| Problem(format!("{}: xl printed no text", file.display())))
}

/// The configuration that a running domain was started with, and what was attached since.
pub(crate) fn running(domid: u32) -> Result<Config, Problem> {
    #[derive(Deserialize)]
    struct Listed {
        config: Config,
    }
    let (good, json, said) = run(["list".into(), "-l".into(), domid.to_string().into()], TO_TELL)?;
    let listed = serde_json::from_slice::<Vec<Listed>>(&json);
    match listed.ok().and_then(|mut listed| listed.pop()) {
        Some(listed) if good => Ok(listed.config),
        _ => Err(Problem(format!("xl does not know domain {domid}: {}", complaint(&said).0))),
    }
}

/// Starts a guest; xl stays behind to restart it when it reboots and to take it away when it ends.
pub(crate) fn create(file: &Path) -> Result<(), Problem> {
    let (good, _, said) = run(["create".into(), "-q".into(), file.into()], TO_CREATE)?;
    if good { Ok(()) } else { Err(complaint(&said)) }
}

#[test]
fn what_xl_always_says_is_no_complaint() {
    let said = "Parsing config from g.cfg\ng.cfg:1: config parsing error near `x'\n\n";
    assert_eq!(complaint(said).0, "g.cfg:1: config parsing error near `x'");
    assert_eq!(complaint("Parsing config from g.cfg\n").0, "xl failed without a word");
    let said =
        "Parsing config from g.cfg\nlibxl: warning: w\nxc: error: no loader found\nlibxl: error: x";
    let said = complaint(said);
    assert_eq!(said.to_string(), "xc: error: no loader found");
    assert_eq!(said.details().collect::<Vec<_>>(), ["libxl: warning: w", "libxl: error: x"]);
}

#[test]
fn an_xl_that_does_not_end_is_killed_and_one_that_does_is_heard() {
    let quick = duct::cmd("echo", ["heard"]).stdout_capture();
    assert_eq!(within(&quick, TO_TELL).unwrap().stdout, b"heard\n");
    let begun = Instant::now();
    let slow = duct::cmd("sleep", ["60"]).stdout_capture().stderr_capture().unchecked();
    let why = within(&slow, Duration::from_millis(50)).unwrap_err();
    assert!(why.0.starts_with("xl has not ended after 0 s and was killed"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}
