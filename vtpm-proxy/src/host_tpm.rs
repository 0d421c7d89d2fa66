//! A key that is sealed to the host's own TPM 2.0.

use crate::host::SystemEntropy;
use crate::refusal;
use anyhow::{Context, Result, anyhow, bail};
use domain_io::{Clock, Pause};
use engine_serve::StateDir;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tpm_hw::{HardwareError, HardwareTpm};
use tpm_wire::TpmVersion;
use vtpm_custody::{Access, Custody, CustodyError, Force, Platform, Policy};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The file in the state's directory.
const SEALED_KEY: &str = "sealed-key";
const UNFINISHED: &str = "sealed-key.new";
const MAGIC: &[u8] = b"vTPMskey";
/// The format that this program writes, and the highest it reads.
const FORMAT: u16 = 1;

/// The key sealed in `directory`; where there is none, a fresh one, which is sealed and kept first.
/// `unmeasured` accepts a host that measures nothing at boot.
///
/// # Errors
/// When the TPM does not give it, or there is a state without its key.
pub(crate) fn key(device: &Path, directory: &StateDir, unmeasured: bool) -> Result<Secret> {
    let file = directory.file().with_file_name(SEALED_KEY);
    let kept = read(directory.folder(), &file)?;
    if kept.is_none() && directory.read()?.is_some() {
        bail!(
            "{} is gone, without which the state beside it cannot be read: put a backup in its place",
            file.display()
        );
    }
    let mut tpm = DeviceTpm::open(device)?;
    let time = SystemTime::new();
    let mut entropy = SystemEntropy;
    let platform = Platform { tpm: &mut tpm, time: &time, entropy: &mut entropy };
    let mut custody = Custody::new(platform, TpmVersion::Tpm20, Access::default());
    let outcome = match kept {
        Some(sealed) => custody.unseal(&sealed).map(|key| (key, None)),
        None => {
            let force = if unmeasured { Force::Yes } else { Force::No };
            let policy = Policy { force, ..Policy::default() };
            custody.first_start(&policy).map(|(key, sealed)| (key, Some(sealed)))
        }
    };
    let (key, fresh) = outcome.map_err(|error| tpm.explain(device, &error))?;
    if let Some(sealed) = fresh {
        write(directory.folder(), &sealed)
            .with_context(|| format!("cannot keep {}", file.display()))?;
    }
    Ok(key)
}

fn read(folder: &File, shown: &Path) -> Result<Option<SealedSecret>> {
    match engine_serve::read_from(folder, Path::new(SEALED_KEY)) {
        Ok(bytes) => parse(&bytes, shown).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", shown.display())),
    }
}

fn parse(bytes: &[u8], shown: &Path) -> Result<SealedSecret> {
    let shown = shown.display();
    let head = bytes.split_first_chunk().filter(|(head, _)| head.starts_with(MAGIC));
    let Some(([.., high, low, _, _], rest)): Option<(&[u8; 12], _)> = head else {
        bail!("{shown} is not a sealed key of vtpm-proxy: put a backup in its place");
    };
    let format = u16::from_be_bytes([*high, *low]);
    if format > FORMAT {
        bail!(
            "{shown} has format {format}, and this program knows up to {FORMAT}; use a newer vtpm-proxy"
        );
    }
    let Some((kind, blob)) = rest.split_first_chunk() else {
        bail!("{shown} is cut off: put a backup in its place");
    };
    Ok(SealedSecret { kind: u32::from_be_bytes(*kind), blob: blob.to_vec() })
}

fn encode(sealed: &SealedSecret) -> Vec<u8> {
    let head = [MAGIC, &FORMAT.to_be_bytes(), &[0; 2]].concat();
    [&head, &sealed.kind.to_be_bytes()[..], &sealed.blob].concat()
}

fn write(folder: &File, sealed: &SealedSecret) -> std::io::Result<()> {
    let (place, unfinished) = (Path::new(SEALED_KEY), Path::new(UNFINISHED));
    engine_serve::replace(folder, place, unfinished, &encode(sealed))
}

/// A TPM device of this host.
struct DeviceTpm {
    file: File,
    /// Why the last command got no answer.
    failure: Option<std::io::Error>,
}

impl DeviceTpm {
    fn open(device: &Path) -> Result<Self> {
        if linux_tpms::is_no_tpm(device) {
            bail!("{} is no TPM device: name a TPM 2.0's /dev/tpmrmN", device.display());
        }
        let file = OpenOptions::new().read(true).write(true).open(device).with_context(|| {
            format!("cannot open the host's TPM {}: name a TPM 2.0's /dev/tpmrmN", device.display())
        })?;
        Ok(Self { file, failure: None })
    }

    fn explain(&mut self, device: &Path, error: &CustodyError) -> anyhow::Error {
        match self.failure.take() {
            Some(failure) => {
                anyhow!("the host's TPM {} does not answer: {failure}", device.display())
            }
            None => {
                let why = refusal::sentence(error);
                anyhow!("the key cannot be had from the host's TPM {}: {why}", device.display())
            }
        }
    }

    fn exchange(&mut self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        // One write is one command, and one read is its answer.
        let mut answer = vec![0; tpm_hw::MAX_PACKET_BYTES];
        self.file.write_all(command)?;
        let count = self.file.read(&mut answer)?;
        answer.truncate(count);
        Ok(answer)
    }
}

impl HardwareTpm for DeviceTpm {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        self.exchange(command).map_err(|error| {
            self.failure = Some(error);
            HardwareError::Absent
        })
    }
}

struct SystemTime(Instant);

impl SystemTime {
    fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemTime {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Pause for SystemTime {
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docs/formats/proxy-state.md, `sealed-key`, format 1, of the kind 2.
    const SAMPLE: &[u8] = b"vTPMskey\0\x01\0\0\0\0\0\x02the blob";

    #[test]
    fn a_sealed_key_of_format_1_is_read_and_written_and_others_are_named() {
        let read = |bytes: &[u8]| parse(bytes, Path::new("/x/sealed-key"));
        let sealed = read(SAMPLE).unwrap();
        assert_eq!((sealed.kind, &sealed.blob[..]), (2, &b"the blob"[..]));
        assert_eq!(encode(&sealed), SAMPLE);
        let refused = |bytes: &[u8]| read(bytes).err().unwrap().to_string();
        assert!(refused(b"a diary of some length").contains("is not a sealed key"));
        assert!(refused(&SAMPLE[..5]).contains("is not a sealed key"));
        assert!(refused(&SAMPLE[..14]).contains("is cut off"));
        let newer = [MAGIC, b"\0\x02\0\0more of it"].concat();
        assert!(refused(&newer).contains("has format 2") && refused(&newer).contains("newer"));
    }
}
