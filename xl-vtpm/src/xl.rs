//! Stock xl, where it does what nothing else does: reading a configuration, and keeping a guest.

use crate::known::Config;
use crate::path::with_sbin;
use duct::Expression;
use libxl_vtpm::plan::Problem;
use libxl_vtpm::text::{for_xl, read_file};
use serde::Deserialize;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;
use xenlight_sys::cause_first;

/// For xl to read a configuration or to tell of a domain. It waits for no lock then.
const TO_TELL: Duration = Duration::from_secs(60);

/// For a guest to be made: libxl itself gives each of its devices' scripts 40 s.
const TO_CREATE: Duration = Duration::from_secs(600);

const LOOK: Duration = Duration::from_millis(10);

/// xl.conf(5) has another format, which nothing here reads.
const NO_JSON: &str = "xl prints no JSON; take output_format= out of /etc/xen/xl.conf";

fn run<const N: usize>(
    words: [OsString; N],
    limit: Duration,
) -> Result<(bool, Vec<u8>, String), Problem> {
    let xl = duct::cmd("xl", words).stdin_null().stdout_capture().stderr_capture().unchecked();
    let done = within(&apart(&with_sbin(&xl)), limit)?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Ok((done.status.success(), done.stdout, said))
}

/// In a process group of its own: what is typed at the terminal, Ctrl-C for one, is not for xl, which would leave a
/// guest half made. The step under way is finished.
fn apart(xl: &Expression) -> Expression {
    xl.before_spawn(|command| {
        command.process_group(0);
        Ok(())
    })
}

/// Runs xl, which is killed when it has not ended in time: it may wait for ever, for its lock or a script.
fn within(xl: &Expression, limit: Duration) -> Result<Output, Problem> {
    let failed =
        |error: io::Error| Problem(format!("xl cannot be run ({error}); see xl-vtpm doctor"));
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
    let failed = |why: &dyn fmt::Display| Problem(format!("{}: {why}", file.display()));
    let text = understood(file);
    let copy = stand_in(file, text.as_deref()).map_err(|error| failed(&error))?;
    let named = copy.as_ref().map_or(file, NamedTempFile::path);
    let (good, json, said) = run(["create".into(), "--dryrun".into(), named.into()], TO_TELL)?;
    if !good {
        return Err(Problem(format!("{}: {}", file.display(), complaint(&said).0)));
    }
    if !json.starts_with(b"{") {
        return Err(failed(&NO_JSON));
    }
    String::from_utf8(json).map_err(|_| failed(&"xl printed no text"))
}

/// A guest's file without the words in it that stock xl does not know; `None` where there are none. A file that cannot
/// be read is xl's to complain of.
fn understood(file: &Path) -> Option<String> {
    for_xl(&String::from_utf8(read_file(file).ok()?).ok()?).ok()?
}

/// What xl reads in the place of a file: a copy with another text, if there is one, or because xl would take the path
/// for a setting, as every word with a `=` in it (xl(1), create).
fn stand_in(file: &Path, text: Option<&str>) -> io::Result<Option<NamedTempFile>> {
    match text {
        Some(text) => copy(file, text.as_bytes()).map(Some),
        None if file.as_os_str().as_encoded_bytes().contains(&b'=') => {
            copy(file, &read_file(file)?).map(Some)
        }
        None => Ok(None),
    }
}

/// It has the other's name in its own.
fn copy(file: &Path, text: &[u8]) -> io::Result<NamedTempFile> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().replace('=', "_");
    let mut copy = tempfile::Builder::new().suffix(&name).tempfile()?;
    copy.write_all(text)?;
    Ok(copy)
}

/// The configuration that a running domain was started with, and what was attached since.
pub(crate) fn running(domid: u32) -> Result<Config, Problem> {
    #[derive(Deserialize)]
    struct Listed {
        config: Config,
    }
    let (good, json, said) = run(["list".into(), "-l".into(), domid.to_string().into()], TO_TELL)?;
    if good && !json.trim_ascii_start().starts_with(b"[") {
        return Err(Problem(NO_JSON.into()));
    }
    let listed = serde_json::from_slice::<Vec<Listed>>(&json);
    match listed.ok().and_then(|mut listed| listed.pop()) {
        Some(listed) if good => Ok(listed.config),
        _ => Err(Problem(format!("xl does not know domain {domid}: {}", complaint(&said).0))),
    }
}

/// Starts a guest; xl stays behind to restart it when it reboots and to take it away when it ends.
/// `for_xl` is the text to use in place of the file's.
pub(crate) fn create(file: &Path, for_xl: Option<&str>) -> Result<(), Problem> {
    let copy = stand_in(file, for_xl).map_err(|error| Problem(error.to_string()))?;
    let named = copy.as_ref().map_or(file, NamedTempFile::path);
    let (good, _, said) = run(["create".into(), "-q".into(), named.into()], TO_CREATE)?;
    if good { Ok(()) } else { Err(complaint(&said)) }
}

#[cfg(test)]
use std::os::unix::fs::PermissionsExt;

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

#[test]
fn xl_is_not_told_what_the_terminal_tells_us() {
    let process = duct::cmd("cat", ["/proc/self/stat"]).stdout_capture();
    let group = |process: &Expression| {
        let said = String::from_utf8(within(process, TO_TELL).unwrap().stdout).unwrap();
        let (pid, behind) = said.split_once(" (cat) ").unwrap();
        // State, parent, group (proc_pid_stat(5)).
        (pid.to_owned(), behind.split(' ').nth(2).unwrap().to_owned())
    };
    let (pid, of) = group(&process);
    assert_ne!(pid, of, "without more it is in ours");
    let (pid, of) = group(&apart(&process));
    assert_eq!(pid, of);
}

#[test]
fn a_file_s_words_that_xl_does_not_know_are_not_shown_to_it_and_another_format_is_said() {
    const FILE: &str = "XL_VTPM_TEST_FILE";
    if let Some(file) = std::env::var_os(FILE) {
        return println!("{:?}", config_json(Path::new(&file)));
    }
    let here = tempfile::tempdir().unwrap();
    let at = |name: &str| here.path().join(name);
    // It prints a bracket, and the file that it is given.
    let xl = "#!/bin/sh\ncase $3 in *=*) exit 1;; esac\nprintf %s \"$BEGINS\"\ncat \"$3\"\n";
    std::fs::write(at("xl"), xl).unwrap();
    std::fs::set_permissions(at("xl"), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::write(at("g.cfg"), "vtpm=['backend=v,tpm=2.0','backend=w']").unwrap();
    std::fs::create_dir(at("a=b")).unwrap();
    std::fs::write(at("a=b/g=1.cfg"), "vtpm=['backend=w']").unwrap();
    let path = format!("{}:/usr/bin:/bin", here.path().display());
    let test = std::thread::current().name().unwrap().to_owned();
    for (begins, name, said) in [
        ("{", "g.cfg", "Ok(\"{vtpm=['backend=v','backend=w']\")"),
        ("{", "a=b/g=1.cfg", "Ok(\"{vtpm=['backend=w']"),
        ("(", "g.cfg", "g.cfg: xl prints no JSON; take output_format= out of /etc/xen/xl.conf"),
    ] {
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--nocapture", "--exact", &test]).env("PATH", &path).env("BEGINS", begins);
        let output = again.env(FILE, at(name)).output().unwrap();
        let heard = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(heard.contains(said), "{said}: {heard}");
    }
}
