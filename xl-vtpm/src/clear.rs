//! `clear`: the deliberate word for a vTPM that shall become new.

use crate::exit::Exit;
use crate::host::Host;
use crate::known::Places;
use crate::lock;
use crate::named::{self, Identity, Named};
use crate::way::Way;
use clap::Args;
use libxl_vtpm::Uuid;
use manager_client::{AnswerError, Channel, ChannelError, Force, Show, TpmResult};
use serde_json::json;
use state_inspect::{DiskFile, Report, inspect};
use std::fs::OpenOptions;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

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
}

/// So much of a disk is overwritten: the mark and the first slot's head, after which it counts as blank
/// (docs/formats/vtpm-disk.md). What is left cannot be read without the key.
const WIPED_BYTES: usize = 1 << 20;

/// What is about to be lost.
struct Target {
    name: String,
    identity: Identity,
    disk: PathBuf,
    /// The disk holds this vTPM's mark.
    used: bool,
}

/// Has the manager forget a vTPM and its key, and makes its disk blank. Each part may be there or not:
/// a run that was cut short is finished by the next.
pub(crate) fn run(options: &Options, json: bool) -> Result<(), Exit> {
    let host = Host::open()?;
    let places = Places { named: &options.config, beside: None };
    let target = Target::of(&host, &places, &options.vtpm)?;
    let _nobody_starts_it = lock::domain(&target.name, lock::PATIENCE)?;
    if host.xen.find(&target.name).is_some() {
        return Err(runs(&target.name));
    }
    let mut way = Way::to(&host, &target.identity.manager)?;
    let record = record(way.channel()?, &target.identity)?;
    if options.dry_run {
        return would(&target, record.as_ref(), json);
    }
    if !options.yes && !agreed(&target, record.as_ref())? {
        return Err(Exit::not_done(format!("nothing was changed: {} was not typed", target.name)));
    }
    let explicit = way.channel()?.stats()?.explicit;
    if let Some(record) = &record {
        forget(way.channel()?, &target.identity, record, explicit)?;
    }
    if target.used {
        wipe(&target.disk).map_err(|error| {
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

fn runs(name: &str) -> Exit {
    Exit::not_done(format!("{name} runs; end its guest first: xl-vtpm shutdown GUEST"))
}

impl Target {
    fn of(host: &Host, places: &Places<'_>, which: &str) -> Result<Self, Exit> {
        let Named { name, domid, identity, disk } = named::find(host, places, which)?;
        let name = name.ok_or_else(|| {
            Exit::not_done(
                "name the vTPM's domain or its guest: its disk, which its configuration names, is \
                 made blank, too",
            )
        })?;
        if domid.is_some() {
            return Err(runs(&name));
        }
        let identity = identity.ok_or_else(|| {
            Exit::not_done(format!(
                "{name} has no manager: it keeps nothing, and is a new TPM at each start"
            ))
        })?;
        let disk = disk.ok_or_else(|| {
            Exit::not_done(format!("the configuration of {name} names no disk; add its disk= line"))
        })?;
        let used = is_used(&disk, identity.uuid)?;
        Ok(Self { name, identity, disk, used })
    }
}

/// Whether a disk holds the state of this vTPM. One that holds anything else is not touched.
fn is_used(disk: &Path, uuid: Uuid) -> Result<bool, Exit> {
    let here = disk.display();
    if !disk.exists() {
        return Ok(false);
    }
    let mut opened =
        DiskFile::open(disk).map_err(|why| Exit::not_done(format!("{here}: {why}")))?;
    let other = match inspect(&mut opened) {
        Ok(Report::Blank) => return Ok(false),
        Ok(Report::Vtpm(vtpm)) if vtpm.uuid.0 == *uuid.as_bytes() => return Ok(true),
        Ok(Report::Vtpm(vtpm)) => format!("the state of another vTPM, {}", vtpm.uuid),
        Ok(Report::Store(_)) => "a manager's store".into(),
        Err(why) => return Err(Exit::not_done(format!("{here} is left alone: {why}"))),
    };
    Err(Exit::not_done(format!("{here} is left alone: it holds {other}; correct disk= or uuid=")))
}

fn record(manager: &mut Channel, identity: &Identity) -> Result<Option<Show>, Exit> {
    match manager.show(*identity.uuid.as_bytes()) {
        Ok(record) => Ok(Some(record)),
        Err(ChannelError::Answer(AnswerError::Refused(TpmResult::BAD_PARAMETER, _))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is said before it is done.
fn losses(target: &Target, record: Option<&Show>) -> String {
    let Target { name, identity, disk, used } = target;
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
    if *used {
        said += &format!("Its disk {} is made blank.\n", disk.display());
    }
    said
}

fn would(target: &Target, record: Option<&Show>, json: bool) -> Result<(), Exit> {
    if json {
        let generation = record.map(|record| record.entry.generation);
        println!(
            "{:#}",
            json!({ "done": false, "vtpm": target.name, "uuid": target.identity.uuid,
                    "record": record.is_some(), "generation": generation,
                    "disk": target.disk, "disk_used": target.used })
        );
    } else {
        println!("{}It would; nothing was changed.", losses(target, record));
    }
    Ok(())
}

/// Asks at the terminal for the vTPM's name.
fn agreed(target: &Target, record: Option<&Show>) -> Result<bool, Exit> {
    if !io::stdin().is_terminal() {
        return Err(Exit::not_done(
            "nobody can be asked here: the standard input is no terminal; say --yes, or look first \
             with --dry-run",
        ));
    }
    eprint!("{}Type {} to go on: ", losses(target, record), target.name);
    io::stderr().flush().map_err(Exit::not_done)?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed).map_err(Exit::not_done)?;
    Ok(typed.trim() == target.name)
}

/// Removes the record. A manager that makes none by itself is given an empty one in its place.
fn forget(
    manager: &mut Channel,
    identity: &Identity,
    record: &Show,
    explicit: bool,
) -> Result<(), Exit> {
    let uuid = *identity.uuid.as_bytes();
    manager.delete(uuid, Force::Yes)?;
    if explicit {
        manager.new_vtpm(uuid, record.entry.version, record.entry.group)?;
    }
    Ok(())
}

/// Writes zeros over the disk's head.
fn wipe(disk: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(disk)?;
    let bytes = io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
    io::Seek::rewind(&mut file)?;
    let head = usize::try_from(bytes).unwrap_or(WIPED_BYTES).min(WIPED_BYTES);
    file.write_all(&vec![0; head])?;
    file.sync_all()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The kept sample of a vTPM's disk, and the uuid in it.
    const SAMPLE: &[u8] =
        include_bytes!("../../stubdom-images/vtpm-store/tests/samples/vtpm-disk-v1.img");
    const MINE: Uuid = Uuid::from_bytes([0x11; 16]);
    const KIB: usize = 1024;

    #[test]
    fn only_this_vtpm_s_state_is_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("v.img");
        assert!(!is_used(&disk, MINE).unwrap(), "there is none yet");
        let write = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            bytes.resize(536 * KIB, 0);
            std::fs::write(&disk, bytes).unwrap();
        };
        write(&[]);
        assert!(!is_used(&disk, MINE).unwrap(), "it is blank");
        write(b"somebody's");
        let said = is_used(&disk, MINE).unwrap_err().to_string();
        assert!(said.contains("v.img is left alone"), "{said}");
        write(SAMPLE);
        let said = is_used(&disk, Uuid::from_u128(5)).unwrap_err().to_string();
        assert!(said.contains("another vTPM, 11111111-1111-"), "{said}");
        assert!(is_used(&disk, MINE).unwrap());
        wipe(&disk).unwrap();
        assert!(!is_used(&disk, MINE).unwrap(), "a wiped disk counts as blank");
        assert_eq!(std::fs::metadata(&disk).unwrap().len(), 536 * 1024);
    }
}
