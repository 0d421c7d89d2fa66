//! A TPM's directory: its state, encrypted, and nothing of anybody else.

mod format;

use crate::host::SystemEntropy;
use anyhow::{Context, Result, anyhow, bail};
use engine_serve::StateDir;
use format::{Damage, Saved};
use std::path::Path;
use vtpm_engine::{LibTpms, TpmState, TpmVersion};
use vtpm_service::{NotKept, StateKeeper};
use vtpm_store::Secret;

/// What a directory may hold; anything else belongs to somebody else.
const OURS: [&str; 4] = ["state", "state.new", "sealed-key", "sealed-key.new"];

/// Keeps one TPM's state in its directory.
pub struct Keeper {
    directory: StateDir,
    key: Secret,
    version: TpmVersion,
    generation: u64,
}

/// Takes a directory for this process, which must be ours, empty or new.
///
/// # Errors
/// When another process has it, or something else lies in it.
pub fn take(path: &Path) -> Result<StateDir> {
    if let Ok(entries) = std::fs::read_dir(path) {
        for entry in entries {
            let name =
                entry.with_context(|| format!("cannot read {}", path.display()))?.file_name();
            if !OURS.iter().any(|ours| name == *ours) {
                bail!(
                    "{} holds {}, which is not a TPM's: name an empty or new directory",
                    path.display(),
                    name.display()
                );
            }
        }
    }
    StateDir::open(path)
}

impl Keeper {
    /// The directory's TPM under `key`; no state when it never held one.
    ///
    /// # Errors
    /// When there is a state that cannot be used. A new TPM is never put over it.
    pub fn open(
        directory: StateDir,
        key: Secret,
        version: TpmVersion,
    ) -> Result<(Self, Option<TpmState>)> {
        let mut keeper = Self { directory, key, version, generation: 0 };
        let Some(bytes) = keeper.directory.read()? else { return Ok((keeper, None)) };
        let saved = format::decode(&keeper.key, version, &bytes)
            .map_err(|damage| advise(&keeper.directory.file(), damage))?;
        keeper.generation = saved.generation;
        Ok((keeper, Some(saved.state)))
    }

    /// Keeps a state in place of the one before.
    ///
    /// # Errors
    /// When it cannot be kept; the one before is still there.
    pub fn save(&mut self, state: TpmState) -> Result<()> {
        let generation = self.generation.checked_add(1).context("the state was saved too often")?;
        let saved = Saved { generation, state };
        let bytes = format::encode(&self.key, self.version, &saved, &mut SystemEntropy)
            .map_err(|error| anyhow!("{error}"))?;
        self.directory.write(&bytes)?;
        self.generation = generation;
        Ok(())
    }
}

impl StateKeeper<LibTpms> for Keeper {
    fn keep(&mut self, engine: &mut LibTpms) -> Result<(), NotKept> {
        match engine.take_changed_state() {
            Some(state) => self.save(state).map_err(|error| NotKept(format!("{error:#}"))),
            None => Ok(()),
        }
    }
}

fn advise(file: &Path, damage: Damage) -> anyhow::Error {
    let next = match damage {
        Damage::OtherTpm(found) => {
            format!("serve it with --tpm {found}, or name another directory")
        }
        Damage::Newer(_) => "use a newer vtpm-proxy".to_owned(),
        Damage::NotOurs => "name another directory".to_owned(),
        Damage::OtherKey => "give the key it was made with, or name another directory".to_owned(),
        Damage::Damaged => {
            "put a backup in its place, or name another directory for a new TPM".to_owned()
        }
    };
    anyhow!("cannot use {}: {damage}; {next}", file.display())
}
