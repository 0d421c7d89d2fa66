//! `logs`.

use crate::consoles::{self, Consoles};
use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::named::{self, MANAGER};
use clap::Args;
use libxl_vtpm::plan::Role;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Of the manager or a vTPM domain; for a guest, of its vTPM's domain
    #[arg(default_value = MANAGER)]
    name: String,
    /// How many lines at the most, the last ones
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "NUMBER")]
    lines: u32,
}

/// Of a log no more than so many bytes at its end are read.
const MOST_BYTES: u64 = 16 << 20;

/// Prints the last lines of a domain's console that xenconsoled has kept.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Exit> {
    if options.name.contains('/') {
        return Err(Exit::not_done(format!(
            "\"{}\" is no name of a domain; see xl-vtpm list",
            options.name
        )));
    }
    let name = domain(&options.name);
    let folder = match Consoles::of(Path::new("/")) {
        Consoles::Kept(folder) => folder,
        Consoles::NotKept => {
            return Err(Exit::not_done(format!(
                "xenconsoled keeps no consoles: {}. A running domain's console: xl console {name}",
                consoles::HOW
            )));
        }
        Consoles::NoDaemon => {
            return Err(Exit::NoXen(
                "xenconsoled does not run, which keeps the consoles; is this domain 0 of Xen? \
                 Start it: service xen start"
                    .into(),
            ));
        }
    };
    let file = consoles::file(&folder, &name);
    let lines = usize::try_from(options.lines).unwrap_or(usize::MAX);
    let lines = last_lines(&file, lines).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Exit::not_done(format!(
            "nothing is kept of \"{name}\" ({} is not there); see xl-vtpm list for the names",
            file.display()
        )),
        _ => Exit::not_done(format!("{} cannot be read: {error}", file.display())),
    })?;
    if json {
        println!("{:#}", json!({ "name": name, "file": file, "lines": lines }));
    } else {
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}

/// The domain whose console is meant. Without Xen to ask, the name is taken as it is.
fn domain(name: &str) -> String {
    let Ok(host) = Host::open() else { return name.to_owned() };
    if let Some(domid) = host.xen.find(name)
        && host.is(domid, Role::Manager).unwrap_or(false)
    {
        return host.xen.name_of(domid).unwrap_or_else(|| name.to_owned());
    }
    let places = Places { named: &[], beside: None };
    let found = named::find(&host, &places, name).ok().and_then(|named| named.name);
    found.unwrap_or_else(|| name.to_owned())
}

fn last_lines(file: &Path, most: usize) -> io::Result<Vec<String>> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().map(harmless).collect();
    Ok(lines[lines.len().saturating_sub(most)..].to_vec())
}

/// A line without what a terminal would obey: a vTPM's guest is nobody's friend.
fn harmless(line: &str) -> String {
    let visible = line.trim_end_matches('\r').chars();
    visible.map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[test]
fn the_last_lines_come_without_what_a_terminal_would_obey() {
    let folder = tempfile::tempdir().unwrap();
    let file = consoles::file(folder.path(), "v");
    assert!(file.ends_with("guest-v.log"));
    std::fs::write(&file, b"INFO: one\r\nWARN: \x1b[2Jtwo\r\nthree \xff\n").unwrap();
    let said = last_lines(&file, 2).unwrap();
    assert_eq!(said, ["WARN: \u{fffd}[2Jtwo", "three \u{fffd}"]);
    assert_eq!(last_lines(&file, 100).unwrap().len(), 3);
}
