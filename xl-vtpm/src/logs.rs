//! `logs`.

use crate::arguments::FOLDER;
use crate::consoles::{self, Consoles};
use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::named::{self, MANAGER};
use crate::say::harmless;
use clap::Args;
use libxl_vtpm::plan::Role;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

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

/// Prints the last lines of a domain's console that xenconsoled, or else the service, has kept.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Exit> {
    if options.name.contains('/') {
        return Err(Exit::not_done(format!(
            "\"{}\" is no name of a domain; see xl-vtpm list",
            options.name
        )));
    }
    // Without Xen to ask, the name is taken as it is.
    let host = Host::open().ok();
    let name =
        host.as_ref().map_or_else(|| options.name.clone(), |host| domain(host, &options.name));
    let by_daemon = Consoles::of(Path::new("/"));
    let by_service = Path::new(consoles::BY_SERVICE);
    let Some(file) = kept(&by_daemon, by_service, &name) else {
        return Err(match host {
            Some(host) if !is_known(&host, &name) => {
                let known = running(&host).into_iter().chain(names(&by_daemon, by_service));
                unknown(&name, &known.collect())
            }
            _ => nothing(&by_daemon, &name),
        });
    };
    let lines = usize::try_from(options.lines).unwrap_or(usize::MAX);
    let lines = last_lines(&file, lines)
        .map_err(|error| Exit::not_done(format!("{} cannot be read: {error}", file.display())))?;
    if json {
        println!("{:#}", json!({ "name": name, "file": file, "lines": lines }));
    } else {
        lines.iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}

/// The file with this domain's last words.
fn kept(by_daemon: &Consoles, by_service: &Path, name: &str) -> Option<PathBuf> {
    let mut files = folders(by_daemon, by_service).map(|folder| consoles::file(folder, name));
    files.find(|file| file.exists())
}

/// The folders with domains' last words.
fn folders<'p>(by_daemon: &'p Consoles, by_service: &'p Path) -> impl Iterator<Item = &'p Path> {
    let folder = match by_daemon {
        Consoles::Kept(folder) => Some(folder.as_path()),
        Consoles::NotKept | Consoles::NoDaemon => None,
    };
    folder.into_iter().chain([by_service])
}

/// The domains whose last words are kept.
fn names(by_daemon: &Consoles, by_service: &Path) -> Vec<String> {
    let files = folders(by_daemon, by_service).filter_map(|folder| folder.read_dir().ok());
    let names = files.flatten().flatten().filter_map(|file| file.file_name().into_string().ok());
    names.filter_map(|name| consoles::domain(&name).map(str::to_owned)).collect()
}

/// The vTPM domains and managers that run.
fn running(host: &Host) -> Vec<String> {
    let ours = |domid| {
        [Role::Vtpm, Role::Manager].iter().any(|role| host.is(domid, *role).unwrap_or(false))
    };
    let domains = host.xen.domains().unwrap_or_default().into_iter().map(|domain| domain.domid);
    domains.filter(|domid| ours(*domid)).filter_map(|domid| host.xen.name_of(domid)).collect()
}

/// Whether a domain runs or is configured under this name.
fn is_known(host: &Host, name: &str) -> bool {
    host.xen.find(name).is_some() || Path::new(FOLDER).join(format!("{name}.cfg")).exists()
}

/// At most so many names are told.
const MOST_NAMES: usize = 12;

fn unknown(name: &str, known: &BTreeSet<String>) -> Exit {
    let mut names: Vec<&str> = known.iter().take(MOST_NAMES).map(String::as_str).collect();
    if known.len() > MOST_NAMES {
        names.push("…");
    }
    let names = match names.is_empty() {
        true => String::new(),
        false => format!("; known here are {}", names.join(", ")),
    };
    Exit::not_done(format!(
        "there is no domain \"{name}\", no {FOLDER}/{name}.cfg, and no kept console of that name{names}; see \
         xl-vtpm list"
    ))
}

fn nothing(by_daemon: &Consoles, name: &str) -> Exit {
    match by_daemon {
        Consoles::Kept(folder) => Exit::not_done(format!(
            "nothing is kept of \"{name}\" ({} is not there); see xl-vtpm list for the names",
            consoles::file(folder, name).display()
        )),
        Consoles::NotKept => Exit::not_done(format!(
            "nothing is kept of \"{name}\": xenconsoled keeps no consoles, and the service xl-vtpm-watch, \
             which would, has not seen that domain. Start the service, or have xenconsoled do it: {}. \
             A running domain's console: xl console {name}",
            consoles::HOW
        )),
        Consoles::NoDaemon => Exit::NoXen(
            "xenconsoled does not run, without which no console is kept; is this domain 0 of Xen? \
             Start it: service xen start"
                .into(),
        ),
    }
}

/// The domain whose console is meant.
fn domain(host: &Host, name: &str) -> String {
    if let Some(domid) = host.xen.find(name)
        && host.is(domid, Role::Manager).unwrap_or(false)
    {
        return host.xen.name_of(domid).unwrap_or_else(|| name.to_owned());
    }
    let places = Places { named: &[], beside: None };
    let found = named::find(host, &places, name).ok().and_then(|named| named.name);
    found.unwrap_or_else(|| name.to_owned())
}

/// The last lines of a file, and of the one before it where that is ours.
fn last_lines(file: &Path, most: usize) -> io::Result<Vec<String>> {
    let mut bytes = match end_of(&consoles::older(file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        older => older?,
    };
    bytes.extend(end_of(file)?);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().map(|line| harmless(line.trim_end_matches('\r'))).collect();
    Ok(lines[lines.len().saturating_sub(most)..].to_vec())
}

fn end_of(file: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
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

#[test]
fn what_the_service_kept_is_read_where_xenconsoled_keeps_nothing() {
    let (daemon, service) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ours = consoles::file(service.path(), "v");
    let theirs = consoles::file(daemon.path(), "v");
    let found = |by_daemon: &Consoles| kept(by_daemon, service.path(), "v");
    assert_eq!(found(&Consoles::NotKept), None);
    std::fs::write(consoles::older(&ours), "one\ntwo\n").unwrap();
    std::fs::write(&ours, "three\n").unwrap();
    for by_daemon in [Consoles::NotKept, Consoles::NoDaemon, Consoles::Kept(daemon.path().into())] {
        assert_eq!(found(&by_daemon), Some(ours.clone()));
    }
    assert_eq!(last_lines(&ours, 2).unwrap(), ["two", "three"]);
    std::fs::write(&theirs, "").unwrap();
    assert_eq!(found(&Consoles::Kept(daemon.path().into())), Some(theirs));
    assert_eq!(found(&Consoles::NotKept), Some(ours));
}

#[test]
fn a_name_that_nobody_has_is_told_with_those_that_are_known() {
    let (daemon, service) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let by_daemon = Consoles::Kept(daemon.path().into());
    let known = |by_daemon: &Consoles| names(by_daemon, service.path()).into_iter().collect();
    let said = unknown("g9", &known(&by_daemon));
    assert_eq!(
        (said.number(), said.to_string().as_str()),
        (
            1,
            "there is no domain \"g9\", no /etc/xen/vtpm/g9.cfg, and no kept console of that name; see xl-vtpm list"
        )
    );
    for (folder, name) in [(&daemon, "web"), (&service, "g1-vtpm"), (&service, "web")] {
        std::fs::write(consoles::file(folder.path(), name), "").unwrap();
        std::fs::write(consoles::older(&consoles::file(folder.path(), name)), "").unwrap();
    }
    std::fs::write(service.path().join("other.log"), "").unwrap();
    let said = unknown("g9", &known(&by_daemon)).to_string();
    assert!(said.ends_with("name; known here are g1-vtpm, web; see xl-vtpm list"), "{said}");
    assert!(known(&Consoles::NotKept).contains("g1-vtpm"));
    let many = (10..99).map(|number| format!("g{number}")).collect();
    let said = unknown("g9", &many).to_string();
    assert!(said.ends_with("g20, g21, …; see xl-vtpm list"), "{said}");
}
