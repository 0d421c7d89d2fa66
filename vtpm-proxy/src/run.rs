//! `vtpm-proxy run`: one TPM of our own.

use crate::announce::{Announced, Announcer};
use crate::arguments::{Key, Run, Version};
use crate::confine::{Files, Task};
use crate::device::{self, End, Ending};
use crate::made::{Server, Source};
use crate::registry::Entry;
use crate::state::{self, Keeper};
use crate::tpm::Tpm;
use crate::{confine, host_tpm, key, registry, stop};
use anyhow::{Context, Result, anyhow, bail};
use engine_serve::StateDir;
use std::fmt::Display;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use vtpm_engine::{TpmState, TpmVersion};
use vtpm_store::Secret;

/// Serves until a signal asks to stop.
///
/// # Errors
/// One sentence for people.
pub(crate) fn run(run: &Run) -> Result<()> {
    let (arguments, notices) =
        vtpm_service::Arguments::parse(words(run)).map_err(|error| anyhow!(in_options(&error)))?;
    notices.iter().for_each(|notice| log::warn!("{notice}"));
    let entry = Entry::take(&name(run)?)?;
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let made: Vec<_> = run.state.ancestors().take_while(is_missing).collect();
    let (keeper, state, source) = open(run).inspect_err(|_| {
        // Those that hold anything stay.
        let _removed = made.iter().try_for_each(std::fs::remove_dir);
    })?;
    // From here on, a signal ends it in order.
    let signals = stop::signals()?;
    let mut tpm = Tpm::power_on(keeper, state, arguments)
        .with_context(|| format!("cannot serve {}", run.state.display()))?;
    if run.tpm == Version::Tpm20 {
        device::test_early(&mut tpm)?;
    }
    match begin(run, source, &entry) {
        Ok(begun) => serve(begun, signals.as_fd(), tpm, &entry),
        Err(error) => {
            // It was powered on, and is not left as after a power cut.
            tpm.shutdown()?;
            Err(error)
        }
    }
}

/// The state and where its device will come from. Of all that can be wrong nothing is left on disk.
fn open(run: &Run) -> Result<(Keeper, Option<TpmState>, Source)> {
    let directory = state::take(&run.state)?;
    if !confine::stays_writable(directory.folder())? {
        let (shown, user) = (run.state.display(), rustix::process::geteuid().as_raw());
        bail!(
            "user {user} cannot write in {shown} without capabilities, which serving gives up: give it to that user \
             with chown {user} {shown} and chmod 700 {shown}, or name another directory"
        );
    }
    let version = match run.tpm {
        Version::Tpm12 => TpmVersion::Tpm12,
        Version::Tpm20 => TpmVersion::Tpm20,
    };
    let secret = secret(&run.key, &directory)?;
    let (keeper, state) = Keeper::open(directory, secret, version)?;
    let source = if run.stdin { Source::given() } else { Source::driver() }?;
    Ok((keeper, state, source))
}

/// What a device needs besides its TPM.
struct Begun {
    server: Server,
    announced: Announced,
}

/// Makes the device, has it announced, and gives up what serving does not need.
fn begin(run: &Run, source: Source, entry: &Entry) -> Result<Begun> {
    let server = source.make(run.tpm == Version::Tpm20)?;
    let announcer = Announcer {
        kind: "run",
        name: name(run)?,
        tpm: run.tpm,
        state: run.state.clone(),
        number: server.number,
        link: None,
    };
    let announced = announcer.start(entry)?;
    confine::drop_capabilities()?;
    confine::restrict_files(&[
        (&run.state, Files::Replaced),
        (&registry::folder(), Files::Removed),
    ])?;
    confine::filter_calls(Task::Serving)?;
    Ok(Begun { server, announced })
}

fn serve(begun: Begun, signals: BorrowedFd<'_>, mut tpm: Tpm, entry: &Entry) -> Result<()> {
    let Begun { server, announced } = begun;
    let endings = [
        Ending::at_once(signals, End::Asked),
        Ending::at_once(announced.failed(), End::NotAnnounced),
    ];
    let end = device::serve(server.fd(), &endings, &mut tpm).inspect_err(|_| entry.leave())?;
    let orderly = tpm.shutdown().inspect_err(|_| entry.leave());
    announced.outcome(end)?;
    orderly?;
    if end == End::Gone {
        return Err(server.gone());
    }
    Ok(())
}

/// The same in the words of a vTPM domain's command line.
fn words(run: &Run) -> Vec<String> {
    let version = (run.tpm == Version::Tpm20).then(|| "tpm2".to_owned());
    let banks = run.banks.as_ref().map(|banks| format!("banks={banks}"));
    let platform = run.platform_open.then(|| "platform=open".to_owned());
    version.into_iter().chain(banks).chain(platform).collect()
}

/// What is wrong with them, in the words of this program's command line.
fn in_options(error: &impl Display) -> String {
    let banks = |text: &str| text.replace("banks= ", "--banks ").replace("banks=", "--banks ");
    banks(&error.to_string().replace("platform=open", "--platform-open"))
}

fn name(run: &Run) -> Result<String> {
    if let Some(name) = &run.name {
        return Ok(name.clone());
    }
    let last = run.state.file_name().and_then(|name| name.to_str());
    last.map(str::to_owned)
        .with_context(|| format!("{} ends in no name: give one with --name", run.state.display()))
}

fn secret(key: &Key, directory: &StateDir) -> Result<Secret> {
    match key {
        Key { key_file: Some(file), .. } => key::from_file(file),
        Key { credential: Some(name), .. } => key::from_credential(name),
        Key { host_tpm: Some(device), unmeasured, .. } => {
            host_tpm::key(device, directory, *unmeasured)
        }
        _ => bail!("name a key by --key-file, --credential or --host-tpm"),
    }
}
