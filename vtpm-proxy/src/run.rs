//! `vtpm-proxy run`: one TPM of our own.

use crate::announce::{Announced, Announcer};
use crate::arguments::{Key, Run, Version};
use crate::confine::{Files, Task};
use crate::device::{self, End, Ending};
use crate::made::{Server, Source};
use crate::state::{self, Keeper};
use crate::tpm::Tpm;
use crate::{confine, host_tpm, key, registry, stop};
use anyhow::{Context, Result, bail};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use vtpm_engine::TpmVersion;
use vtpm_store::Secret;

/// Serves until a signal asks to stop.
///
/// # Errors
/// One sentence for people.
pub(crate) fn run(run: &Run) -> Result<()> {
    let (arguments, notices) =
        vtpm_service::Arguments::parse(words(run)).map_err(|error| anyhow::anyhow!("{error}"))?;
    notices.iter().for_each(|notice| log::warn!("{notice}"));
    let entry = registry::Entry::take(&name(run)?)?;
    let directory = state::take(&run.state)?;
    let version = match run.tpm {
        Version::Tpm12 => TpmVersion::Tpm12,
        Version::Tpm20 => TpmVersion::Tpm20,
    };
    let (keeper, state) = Keeper::open(directory, secret(&run.key, &run.state)?, version)?;
    let source = if run.stdin { Source::given() } else { Source::driver() }?;
    let mut tpm = Tpm::power_on(keeper, state, arguments)
        .with_context(|| format!("cannot serve {}", run.state.display()))?;
    if version == TpmVersion::Tpm20 {
        device::test_early(&mut tpm)?;
    }
    match begin(run, source, &entry) {
        Ok(begun) => serve(begun, tpm),
        Err(error) => {
            // It was powered on, and is not left as after a power cut.
            tpm.shutdown()?;
            Err(error)
        }
    }
}

/// What a device needs besides its TPM.
struct Begun {
    server: Server,
    signals: UnixStream,
    announced: Announced,
}

/// Makes the device, has it announced, and gives up what serving does not need.
fn begin(run: &Run, source: Source, entry: &registry::Entry) -> Result<Begun> {
    let signals = stop::signals()?;
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
    Ok(Begun { server, signals, announced })
}

fn serve(begun: Begun, mut tpm: Tpm) -> Result<()> {
    let Begun { server, signals, announced } = begun;
    let endings = [
        Ending::at_once(signals.as_fd(), End::Asked),
        Ending::at_once(announced.failed(), End::NotAnnounced),
    ];
    let end = device::serve(server.fd(), &endings, &mut tpm)?;
    let orderly = tpm.shutdown();
    announced.outcome()?;
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

fn name(run: &Run) -> Result<String> {
    if let Some(name) = &run.name {
        return Ok(name.clone());
    }
    let last = run.state.file_name().and_then(|name| name.to_str());
    last.map(str::to_owned)
        .with_context(|| format!("{} ends in no name: give one with --name", run.state.display()))
}

fn secret(key: &Key, folder: &Path) -> Result<Secret> {
    match key {
        Key { key_file: Some(file), .. } => key::from_file(file),
        Key { credential: Some(name), .. } => key::from_credential(name),
        Key { host_tpm: Some(device), unmeasured, .. } => {
            host_tpm::key(device, folder, *unmeasured)
        }
        _ => bail!("name a key by --key-file, --credential or --host-tpm"),
    }
}
