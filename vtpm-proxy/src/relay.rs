//! `vtpm-proxy relay`: a TPM 2.0 chip out of the device of xen-tpmfront.

use crate::announce::Announcer;
use crate::arguments::{Relay, Version};
use crate::confine::{Files, Task};
use crate::device::{self, End, Ending};
use crate::frontend::Frontend;
use crate::made::Source;
use crate::presence::Presence;
use crate::{confine, frontend, link, registry, stop};
use anyhow::{Context, Result, anyhow, bail};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tpm_wire::tpm20::{self, Capability, Property};
use tpm_wire::{Header, MAX_PACKET_BYTES, Tag};

/// How long the kernel may take from failing the last command to taking the device's name away.
const DETACHED_WITHIN: Duration = Duration::from_secs(5);

/// Relays until a signal asks to stop.
///
/// # Errors
/// One sentence for people.
pub(crate) fn relay(relay: &Relay) -> Result<()> {
    let path = frontend::find(relay)?;
    if linux_tpms::is_no_tpm(&path) {
        bail!(
            "{} is no TPM device: name the device of xen-tpmfront, such as /dev/tpm0, or leave \
             --device out",
            path.display()
        );
    }
    let source = Source::driver()?;
    let mut vtpm = Vtpm::open(&path)?;
    let presence = Presence::of(&path)?;
    let frontend = Frontend::of(&path);
    vtpm.check_is_tpm20()?;
    device::test_early(&mut vtpm)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("relay-{name}");
    let entry = registry::Entry::take(&name)?;
    let signals = stop::signals()?;
    if let Some(link) = &relay.link {
        link::clear(link);
    }
    let server = source.make(true)?;
    let number = server.number;
    let link = relay.link.clone();
    let target = number.map(|number| format!("/dev/tpmrm{number}")).unwrap_or_default();
    let _removal = link::Removal { link: link.clone(), target };
    let announcer =
        Announcer { kind: "relay", name, tpm: Version::Tpm20, state: path, number, link };
    let announced = announcer.start(&entry)?;
    confine::drop_capabilities()?;
    let registry = registry::folder();
    let mut folders = vec![(registry.as_path(), Files::Removed)];
    let link_folder = relay.link.as_deref().and_then(link::folder);
    folders.extend(link_folder.map(|folder| (folder, Files::Removed)));
    confine::restrict_files(&folders)?;
    confine::filter_calls(Task::Serving)?;
    let endings = [
        Ending::at_once(signals.as_fd(), End::Asked),
        Ending::at_once(announced.failed(), End::NotAnnounced),
        Ending { fd: presence.fd(), happened: &|| presence.over(), end: End::Detached },
    ];
    let served = device::serve(server.fd(), &endings, &mut vtpm);
    let detached = || presence.over_within(DETACHED_WITHIN);
    let end = end_of(served, stop::is_asked(&signals), detached)?;
    announced.outcome(end)?;
    match end {
        End::Asked | End::NotAnnounced => Ok(()),
        End::Detached => gone(&vtpm.path, frontend.and_then(|it| it.successor())),
        End::Gone => Err(server.gone()),
    }
}

/// The device went, and this is the one that its driver has made in its place.
fn gone(path: &Path, successor: Option<PathBuf>) -> Result<()> {
    let path = path.display();
    if let Some(new) = successor {
        bail!(
            "{path} is gone, and its vTPM is there again as {}: start the relay again",
            new.display()
        );
    }
    log::info!("{path} is gone: its vTPM was detached");
    Ok(())
}

/// Why it ended, where the command under way may have failed for that reason: xen-tpmfront gives it up when
/// a signal comes (Linux drivers/char/tpm/xen-tpmfront.c, vtpm_send), and when it is detached, before the
/// device's name goes.
fn end_of(served: Result<End>, asked: bool, detached: impl FnOnce() -> bool) -> Result<End> {
    match served {
        Err(_) if asked => Ok(End::Asked),
        Err(_) if detached() => Ok(End::Detached),
        ended => ended,
    }
}

/// xen-tpmfront's device, held so that nobody else can use it.
struct Vtpm {
    file: File,
    path: PathBuf,
}

impl Vtpm {
    fn open(path: &Path) -> Result<Self> {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = opened.map_err(|error| match error.kind() {
            ErrorKind::ResourceBusy => anyhow!(
                "{} is in use by another program: stop it, or let it use the relay's device",
                path.display()
            ),
            _ => anyhow!("cannot open {}: {error}", path.display()),
        })?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    fn check_is_tpm20(&mut self) -> Result<()> {
        let question = tpm20::get_capability(Capability::TPM_PROPERTIES, Property::MANUFACTURER, 1);
        let answer = self.transmit(&question)?;
        match Header::parse(&answer) {
            Ok((header, _)) if header.tag == Tag::NO_SESSIONS && header.code == 0 => Ok(()),
            Ok((header, _)) if header.tag == Tag::RSP_COMMAND => bail!(
                "{} is a TPM 1.2, which needs no relay: use it as it is, or give its vTPM domain the \
                 word tpm2 for a TPM 2.0",
                self.path.display()
            ),
            _ => bail!("{} does not answer as a TPM 2.0 does", self.path.display()),
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        // One write is one command, and one read is its answer.
        let mut answer = vec![0; MAX_PACKET_BYTES];
        let exchanged = self.file.write_all(command).and_then(|()| self.file.read(&mut answer));
        let count = exchanged.with_context(|| format!("{} gave no answer", self.path.display()))?;
        answer.truncate(count);
        Ok(answer)
    }
}

impl device::Tpm for Vtpm {
    /// The frontend's device knows one locality.
    fn execute(&mut self, _locality: u8, command: &[u8]) -> Result<Vec<u8>> {
        if command.len() > MAX_PACKET_BYTES {
            return Ok(tpm20::error_response(tpm20::ResponseCode::COMMAND_SIZE));
        }
        self.transmit(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_a_signal_or_a_detach_broke_off_is_no_failure() {
        let failed = || Err(anyhow!("/dev/tpm0 gave no answer"));
        let never = || panic!("who is asked to stop does not wait for anything");
        assert_eq!(end_of(failed(), true, never).unwrap(), End::Asked);
        assert_eq!(end_of(failed(), false, || true).unwrap(), End::Detached);
        assert!(end_of(failed(), false, || false).is_err());
        assert_eq!(end_of(Ok(End::Gone), true, never).unwrap(), End::Gone);
    }
}
