//! The TPM that is served: the engine, and its state kept on disk.

use crate::arguments::{Serve, Startup};
use crate::format::{self, Damage, Kind, Parts};
use crate::suspend;
use anyhow::{Context, Result, anyhow, bail};
use engine_serve::StateDir;
use std::path::Path;
use tpm_wire::{Header, TpmVersion, tpm12, tpm20};
use vtpm_engine::{Engine, LibTpms, Locality, StartConfig, TpmState};

/// An engine whose state is on disk before a response is out.
pub(crate) struct Tpm {
    engine: LibTpms,
    state: StateDir,
}

impl Tpm {
    /// Takes the state directory and powers the TPM on.
    ///
    /// # Errors
    /// When the directory or the state cannot be used, or the engine does not start.
    pub(crate) fn power_on(serve: &Serve) -> Result<Self> {
        let version = serve.version();
        let directory = StateDir::open(&serve.state)?;
        let state = load(&directory, version)?;
        let volatile = match (&serve.resume_from, &state) {
            (None, _) => None,
            (Some(file), Some(state)) => Some(suspend::consume(file, version, state)?),
            (Some(_), None) => {
                bail!("there is nothing to resume: {} holds no TPM", serve.state.display())
            }
        };
        let resumed = volatile.is_some();
        let engine = LibTpms::start(StartConfig { version, state, volatile })
            .with_context(|| format!("the TPM in {} does not start", serve.state.display()))?;
        let mut tpm = Self { engine, state: directory };
        tpm.keep()?;
        if let (Some(Startup::Clear), false) = (serve.startup, resumed) {
            tpm.startup_clear()?;
        }
        Ok(tpm)
    }

    fn startup_clear(&mut self) -> Result<()> {
        let command = match self.engine.version() {
            TpmVersion::Tpm12 => tpm12::startup(tpm12::StartupType::CLEAR),
            TpmVersion::Tpm20 => tpm20::startup(tpm20::StartupType::CLEAR),
        };
        let response = self.execute(&command)?;
        match Header::parse(&response) {
            Ok((header, _)) if header.code == 0 => Ok(()),
            _ => bail!("the TPM refused Startup(CLEAR): {response:02x?}"),
        }
    }

    /// Executes a command; what it changed is on disk when this returns.
    ///
    /// # Errors
    /// When the engine failed or the state could not be kept. The response must then not be sent,
    /// and the program must not go on: it would serve what a restart forgets.
    pub(crate) fn execute(&mut self, command: &[u8]) -> Result<Vec<u8>> {
        let response = self.engine.execute(Locality::ZERO, command)?;
        self.keep()?;
        Ok(response)
    }

    fn keep(&mut self) -> Result<()> {
        match self.engine.take_changed_state() {
            Some(state) => self.state.write(&encode(self.engine.version(), state)),
            None => Ok(()),
        }
    }

    /// Writes what lives in memory, for a later resume.
    ///
    /// # Errors
    /// When there is nothing to write or no place for it.
    pub(crate) fn suspend(mut self, file: &Path) -> Result<()> {
        let volatile = self.engine.volatile_state()?;
        let state = self.engine.state().context("the TPM has no state")?;
        suspend::write(file, self.engine.version(), &state, volatile)
    }
}

/// The state; `None` when the directory never held one. A state that cannot be used is an error: a
/// new TPM is never put over it.
fn load(directory: &StateDir, version: TpmVersion) -> Result<Option<TpmState>> {
    let Some(bytes) = directory.read()? else { return Ok(None) };
    match format::decode(Kind::State, version, &bytes) {
        Ok(Parts { first, second }) => Ok(Some(TpmState { permanent: first, saved: second })),
        Err(damage) => Err(advise(&directory.file(), &damage)),
    }
}

fn encode(version: TpmVersion, state: TpmState) -> Vec<u8> {
    let parts = Parts { first: state.permanent, second: state.saved };
    format::encode(Kind::State, version, &parts)
}

fn advise(file: &Path, damage: &Damage) -> anyhow::Error {
    let next = match damage {
        Damage::OtherTpm(found) => {
            format!("serve it with --tpm {found}, or name another directory")
        }
        Damage::Newer(_) => "use a newer vtpm-engine".to_owned(),
        Damage::NotOurs => "name another directory".to_owned(),
        Damage::Damaged => {
            "put a backup in its place, or name another directory for a new TPM".to_owned()
        }
    };
    anyhow!("cannot use {}: {damage}; {next}", file.display())
}
