//! A key that is sealed to the host's own TPM 2.0.

use crate::host::SystemEntropy;
use anyhow::{Context, Result, anyhow, bail};
use domain_io::{Clock, Pause};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tpm_hw::{HardwareError, HardwareTpm};
use tpm_wire::TpmVersion;
use vtpm_custody::{Access, Custody, Force, Platform, Policy};
use vtpm_store::Secret;
use vtpm_store::manager::SealedSecret;

/// The file in the state's directory.
const SEALED_KEY: &str = "sealed-key";
const UNFINISHED: &str = "sealed-key.new";
/// Magic and format.
const HEAD: [u8; 12] = *b"vTPMskey\0\x01\0\0";

/// The key sealed in `folder`; where there is none, a fresh one, which is sealed and kept first.
/// `unmeasured` accepts a host that measures nothing at boot.
///
/// # Errors
/// When the TPM does not give it, or there is a state without its key.
pub(crate) fn key(device: &Path, folder: &Path, unmeasured: bool) -> Result<Secret> {
    let mut tpm = DeviceTpm::open(device)?;
    let (file, time) = (folder.join(SEALED_KEY), SystemTime::new());
    let mut entropy = SystemEntropy;
    let platform = Platform { tpm: &mut tpm, time: &time, entropy: &mut entropy };
    let mut custody = Custody::new(platform, TpmVersion::Tpm20, Access::default());
    let outcome = match read(&file)? {
        Some(sealed) => custody.unseal(&sealed).map(|key| (key, None)),
        None if folder.join("state").exists() => bail!(
            "{} is gone, without which the state beside it cannot be read: put a backup in its place",
            file.display()
        ),
        None => {
            let force = if unmeasured { Force::Yes } else { Force::No };
            let policy = Policy { force, ..Policy::default() };
            custody.first_start(&policy).map(|(key, sealed)| (key, Some(sealed)))
        }
    };
    let (key, fresh) = outcome.map_err(|error| tpm.explain(device, &error))?;
    if let Some(sealed) = fresh {
        write(folder, &sealed).with_context(|| format!("cannot keep {}", file.display()))?;
    }
    Ok(key)
}

fn read(file: &Path) -> Result<Option<SealedSecret>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let parsed = bytes.strip_prefix(&HEAD).and_then(<[u8]>::split_first_chunk);
    let Some((kind, blob)) = parsed else {
        bail!("{} is not a sealed key of vtpm-proxy: put a backup in its place", file.display());
    };
    Ok(Some(SealedSecret { kind: u32::from_be_bytes(*kind), blob: blob.to_vec() }))
}

fn write(folder: &Path, sealed: &SealedSecret) -> std::io::Result<()> {
    let bytes = [&HEAD, &sealed.kind.to_be_bytes()[..], &sealed.blob].concat();
    let (place, unfinished) = (Path::new(SEALED_KEY), Path::new(UNFINISHED));
    engine_serve::replace(&File::open(folder)?, place, unfinished, &bytes)
}

/// A TPM device of this host.
struct DeviceTpm {
    file: File,
    /// Why the last command got no answer.
    failure: Option<std::io::Error>,
}

impl DeviceTpm {
    fn open(device: &Path) -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(device).with_context(|| {
            format!("cannot open the host's TPM {}: name a TPM 2.0's /dev/tpmrmN", device.display())
        })?;
        Ok(Self { file, failure: None })
    }

    fn explain(&mut self, device: &Path, error: &dyn std::fmt::Display) -> anyhow::Error {
        match self.failure.take() {
            Some(failure) => {
                anyhow!("the host's TPM {} does not answer: {failure}", device.display())
            }
            None => {
                anyhow!("the key cannot be had from the host's TPM {}: {error}", device.display())
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
