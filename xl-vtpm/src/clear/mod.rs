//! `clear`: the deliberate word for a vTPM that shall become new.

mod disk;
mod record;

use crate::exit::Exit;
use crate::host::Host;
use crate::interrupt::Interrupt;
use crate::known::Places;
use crate::lock;
use crate::named::{self, Identity, Named};
use crate::way::Way;
use crate::wires::{self, Wire};
use crate::xl;
use clap::Args;
use libxl_vtpm::line::uuid_as_xl;
use libxl_vtpm::{TpmVersion, Uuid};
use manager_client::{Show, UuidBytes};
use record::Records;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The vTPM: its domain's name or its guest's
    vtpm: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Say what would be lost, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// The xl configuration of the vTPM domain or the guest; may be repeated [default: NAME.cfg in /etc/xen/vtpm]
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// How long to wait for others who are busy with the vTPM or its guest, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    timeout: u64,
}

/// What is about to be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    name: String,
    identity: Identity,
    /// Which TPM its configuration asks for.
    version: TpmVersion,
    disk: PathBuf,
    /// The disk holds this vTPM's mark.
    used: bool,
}

/// Has the manager forget a vTPM and its key, and makes its disk blank. Each part may be there or not:
/// a run that was cut short is finished by the next.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let places = Places { named: &options.config, beside: None };
    let look = || Target::of(&host, &places, &options.vtpm);
    let until = Instant::now() + Duration::from_secs(options.timeout);
    let _nobody_starts_it = locks(&options.vtpm, &look()?.name, until)?;
    let target = look()?;
    let mut way = Way::to(&host, &target.identity.manager)?;
    let told_to_end = way.interrupt();
    let manager = way.channel()?;
    let record = manager.record(target.uuid())?;
    let gets_one = record::gets_one(manager.is_explicit()?, record.as_ref(), target.used);
    if options.dry_run {
        return would(&target, record.as_ref(), gets_one, json);
    }
    let is_told = || told_to_end.as_ref().is_some_and(Interrupt::is_told);
    if !options.yes && !agreed(&target, record.as_ref(), gets_one, is_told)? {
        return Err(Exit::not_done(format!("nothing was changed: {} was not typed", target.name)));
    }
    // Whoever was asked may have taken an hour, and stock xl knows no locks of ours.
    if (look()?, manager.record(target.uuid())?) != (target.clone(), record.clone()) {
        return Err(Exit::not_done(format!(
            "{} has changed since it was looked at; nothing was changed. Run this again",
            target.name
        )));
    }
    let Target { name, version, .. } = &target;
    record::forget(manager, &target.identity, record.as_ref(), gets_one.then_some(*version))
        .map_err(|why| why.of(name, target.identity.uuid))?;
    if target.used {
        disk::wipe(&target.disk).map_err(|error| {
            Exit::Left(format!(
                "the manager has forgotten {}, but {} cannot be made blank ({error}); run this again",
                target.name,
                target.disk.display()
            ))
        })?;
    }
    told(&target, json);
    Ok(())
}

/// Of the guest, where it was named, and then of the vTPM's domain: in the order in which those who start
/// them take them.
fn locks(
    which: &str,
    name: &str,
    until: Instant,
) -> Result<(Option<lock::Held>, lock::Held), Exit> {
    let guest = if which == name { name.strip_suffix("-vtpm") } else { Some(which) };
    let guest = guest.map(|guest| lock::guest(guest, until)).transpose()?;
    Ok((guest, lock::domain(name, until)?))
}

fn still_runs(name: &str) -> Exit {
    Exit::not_done(format!("{name} runs; end its guest first: xl-vtpm shutdown GUEST"))
}

/// What is said of an ephemeral vTPM, which was named so.
fn keeps_nothing(name: &str, which: &str, runs: bool) -> Exit {
    let guest = if which == name { name.strip_suffix("-vtpm").unwrap_or("GUEST") } else { which };
    let todo = if runs {
        format!(
            "for a new TPM end it and start it again: xl-vtpm shutdown {guest}, then xl-vtpm create FILE"
        )
    } else {
        "nothing has to be cleared, its next start makes a new TPM".into()
    };
    Exit::not_done(format!(
        "{name} is ephemeral: it keeps nothing on a disk, and its state goes with its domain; {todo}"
    ))
}

impl Target {
    fn of(host: &Host, places: &Places<'_>, which: &str) -> Result<Self, Exit> {
        let Named { name, domid, identity, disk, version, ephemeral } =
            named::find(host, places, which)?;
        let name = name.ok_or_else(|| {
            Exit::not_done(
                "name the vTPM's domain or its guest: its disk, which its configuration names, is \
                 made blank, too",
            )
        })?;
        // One whose way to its manager is just being made anew has none for a moment, and is not ephemeral.
        let of_running = |domid| xl::running(domid).is_ok_and(|config| config.is_ephemeral());
        let ephemeral = ephemeral || identity.is_none() && domid.is_some_and(of_running);
        let runs = domid.is_some() || host.xen.find(&name).is_some();
        if ephemeral {
            return Err(keeps_nothing(&name, which, runs));
        }
        if runs {
            return Err(still_runs(&name));
        }
        let identity = identity.ok_or_else(|| {
            Exit::not_done(format!(
                "the configuration of {name} names no manager with a uuid; add vtpm=[ \"backend=MANAGER,\
                 uuid=UUID\" ], see xl-vtpm.cfg(5)"
            ))
        })?;
        let disk = disk.ok_or_else(|| {
            Exit::not_done(format!("the configuration of {name} names no disk; add its disk= line"))
        })?;
        if let Some(other) = user(host, &identity)? {
            return Err(Exit::not_done(format!(
                "domain {other} runs with the uuid of {name}; end it first, see xl list"
            )));
        }
        let used = disk::is_used(&disk, identity.uuid)?;
        Ok(Self { name, identity, version, disk, used })
    }

    const fn uuid(&self) -> UuidBytes {
        *self.identity.uuid.as_bytes()
    }
}

/// The domain that is attached to the manager as this vTPM, whatever its name.
fn user(host: &Host, identity: &Identity) -> Result<Option<u32>, Exit> {
    let Some(manager) = host.xen.find(&identity.manager) else { return Ok(None) };
    let domids = host.xen.domains()?.into_iter().map(|domain| domain.domid);
    let wires = wires::of(&host.nodes, domids)?;
    Ok(users(&wires, manager, &identity.uuid).first().copied())
}

/// The domains with a device of this backend and uuid.
fn users(wires: &[Wire], backend: u32, uuid: &Uuid) -> Vec<u32> {
    let same = |wire: &&Wire| wire.backend == backend && uuid_as_xl(&wire.uuid) == Some(*uuid);
    wires.iter().filter(same).map(|wire| wire.frontend).collect()
}

/// What is said before it is done.
fn losses(target: &Target, record: Option<&Show>, gets_one: bool) -> String {
    let Target { name, identity, disk, used, version } = target;
    let mut said =
        format!("The vTPM {name} (uuid {}) becomes a new TPM at its next start.\n", identity.uuid);
    said += &match record {
        Some(record) if record.entry.has_state => format!(
            "Lost for ever: every key and secret in it, its endorsement key, {} saved states.\n",
            record.entry.generation
        ),
        Some(_) => "Its record at the manager, which holds no state yet, is removed.\n".into(),
        None => "The manager has no record of it.\n".into(),
    };
    if gets_one {
        let group = record.map_or(0, |record| record.entry.group);
        let version = record.map_or(*version, |record| record.entry.version);
        said += &format!(
            "The manager makes no records by itself, and is given an empty one for it, of a TPM \
             {version} in group {group}.\n"
        );
    }
    if *used {
        said += &format!("Its disk {} is made blank.\n", disk.display());
    }
    said
}

fn would(target: &Target, record: Option<&Show>, gets_one: bool, json: bool) -> Result<(), Exit> {
    if json {
        let generation = record.map(|record| record.entry.generation);
        println!(
            "{:#}",
            json!({ "done": false, "vtpm": target.name, "uuid": target.identity.uuid,
                    "record": record.is_some(), "generation": generation,
                    "disk": target.disk, "disk_used": target.used })
        );
    } else {
        println!("{}It would; nothing was changed.", losses(target, record, gets_one));
    }
    Ok(())
}

/// Asks at the terminal for the vTPM's name.
fn agreed(
    target: &Target,
    record: Option<&Show>,
    gets_one: bool,
    is_told: impl Fn() -> bool,
) -> Result<bool, Exit> {
    if !io::stdin().is_terminal() {
        return Err(Exit::not_done(
            "nobody can be asked here: the standard input is no terminal; say --yes, or look first \
             with --dry-run",
        ));
    }
    eprint!("{}Type {} to go on: ", losses(target, record, gets_one), target.name);
    io::stderr().flush().map_err(Exit::not_done)?;
    let typed = typed(io::stdin(), &mut io::stdin().lock(), is_told).map_err(Exit::not_done)?;
    Ok(typed.trim() == target.name)
}

/// Between two looks at whether the program is to end.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// A line that somebody types; an empty one when the program is told to end first.
fn typed(
    terminal: impl AsFd,
    input: &mut impl BufRead,
    is_told: impl Fn() -> bool,
) -> io::Result<String> {
    loop {
        match poll(&mut [PollFd::new(&terminal, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) if is_told() => return Ok(String::new()),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let mut typed = String::new();
    input.read_line(&mut typed)?;
    Ok(typed)
}

fn told(target: &Target, json: bool) {
    if json {
        println!(
            "{:#}",
            json!({ "cleared": { "vtpm": target.name, "uuid": target.identity.uuid } })
        );
    } else {
        println!("{} is cleared: its next start makes a new TPM", target.name);
    }
}

#[test]
fn an_ephemeral_vtpm_has_nothing_to_be_cleared_and_it_is_said_what_to_type() {
    let stopped = keeps_nothing("g1-vtpm", "g1", false);
    let said = "g1-vtpm is ephemeral: it keeps nothing on a disk, and its state goes with its domain; nothing has to be \
                cleared, its next start makes a new TPM";
    assert_eq!((stopped.number(), stopped.to_string().as_str()), (1, said));
    for (name, which, guest) in [
        ("g1-vtpm", "g1", "g1"),
        ("v", "g1", "g1"),
        ("g1-vtpm", "g1-vtpm", "g1"),
        ("v", "v", "GUEST"),
    ] {
        let said = keeps_nothing(name, which, true).to_string();
        assert!(said.contains(&format!("xl-vtpm shutdown {guest}, then")), "{said}");
    }
}

#[test]
fn a_vtpm_is_in_use_while_a_domain_is_attached_with_its_uuid() {
    let uuid = Uuid::from_u128(7);
    let wire = |frontend, backend, uuid: Uuid| {
        let uuid = uuid.to_string().to_uppercase();
        Wire { frontend, devid: 0, backend, uuid }
    };
    let wires = [wire(0, 1, Uuid::from_u128(9)), wire(4, 1, uuid), wire(5, 4, uuid)];
    assert_eq!(users(&wires, 1, &uuid), [4], "and not the guest whose vTPM is gone");
    assert!(users(&wires, 2, &uuid).is_empty() && users(&wires, 1, &Uuid::nil()).is_empty());
}

/// Whoever answers the question by Ctrl-C leaves no device of domain 0's behind.
#[test]
fn a_question_ends_with_the_program() {
    let (reader, mut writer) = io::pipe().unwrap();
    let mut input = io::BufReader::new(reader.try_clone().unwrap());
    let mut typed = |is_told| typed(&reader, &mut input, || is_told).unwrap();
    writer.write_all(b"g1-vtpm\n").unwrap();
    assert_eq!(typed(false), "g1-vtpm\n");
    assert_eq!(typed(true), "");
    drop(writer);
    assert_eq!(typed(false), "", "nobody is there");
}
