//! What a disk is, and what it says about itself.

use crate::sealed::SealedReport;
use domain_io::BlockDevice;
use serde_json::{Value, json};
use std::fmt;
use tpm_wire::TpmVersion;
use vtpm_store::Uuid;
use vtpm_store::manager::{self, Opening, Overview, RollbackMode, StoreError};
use vtpm_store::state_disk::{self, Content, StateDiskError, examine};

/// What a disk holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Zeros: it was never written.
    Blank,
    /// The manager's store.
    Store(Box<StoreReport>),
    /// A vTPM's state.
    Vtpm(VtpmReport),
}

/// What a store says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreReport {
    /// Header and newest root.
    pub overview: Overview,
    /// Its sealed secret, or which part is damaged.
    pub sealed: Result<SealedReport, StoreError>,
}

/// What a vTPM's disk says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VtpmReport {
    /// Whose.
    pub uuid: Uuid,
    /// Of which version.
    pub tpm: TpmVersion,
    /// The generation that each slot claims; `None` where a slot is empty or damaged. `None` for both
    /// before the first save is known to be kept.
    pub generations: Option<[Option<u64>; 2]>,
}

/// Why there is no report: the disk holds something else, or what it should hold is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhatElse {
    /// Neither a store nor a vTPM's state.
    Neither,
    /// A store that cannot be read.
    Store(StoreError),
    /// A vTPM's disk that cannot be read.
    Vtpm(StateDiskError),
}

impl fmt::Display for WhatElse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Neither => f.write_str(
                "it holds neither a manager's store nor a vTPM's state; name the file or block device that \
                 stands in disk= of the manager's or of a vTPM domain's configuration",
            ),
            Self::Store(error) => error.fmt(f),
            Self::Vtpm(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WhatElse {}

/// Looks into a disk.
///
/// # Errors
/// [`WhatElse`].
pub fn inspect(disk: &mut dyn BlockDevice) -> Result<Report, WhatElse> {
    match manager::inspect(disk) {
        Ok(overview) => {
            let sealed = Opening::read(disk).map(|opening| SealedReport::of(opening.sealed()));
            Ok(Report::Store(Box::new(StoreReport { overview, sealed })))
        }
        Err(StoreError::Blank | StoreError::Foreign | StoreError::TooSmall { .. }) => vtpm(disk),
        Err(error) => Err(WhatElse::Store(error)),
    }
}

fn vtpm(disk: &mut dyn BlockDevice) -> Result<Report, WhatElse> {
    match examine(disk) {
        Ok(Content::Blank) => Ok(Report::Blank),
        Ok(Content::Foreign) | Err(StateDiskError::TooSmall { .. }) => Err(WhatElse::Neither),
        Ok(Content::Unfinished { uuid, tpm }) => {
            Ok(Report::Vtpm(VtpmReport { uuid, tpm, generations: None }))
        }
        Ok(Content::Used { uuid, tpm, generations }) => {
            Ok(Report::Vtpm(VtpmReport { uuid, tpm, generations: Some(generations) }))
        }
        Err(error) => Err(WhatElse::Vtpm(error)),
    }
}

impl Report {
    /// The report for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        match self {
            Self::Blank => json!({ "what": "blank" }),
            Self::Store(store) => store.json(),
            Self::Vtpm(vtpm) => vtpm.json(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("blank: nothing was ever written to it"),
            Self::Store(store) => store.fmt(f),
            Self::Vtpm(vtpm) => vtpm.fmt(f),
        }
    }
}

const fn mode(mode: RollbackMode) -> &'static str {
    match mode {
        RollbackMode::Off => "off",
        RollbackMode::Batched => "batched",
        RollbackMode::Strict => "strict",
    }
}

impl StoreReport {
    fn json(&self) -> Value {
        let Overview { version, min_reader, sequence, counter, records, bytes, .. } = self.overview;
        let sealed = match &self.sealed {
            Ok(sealed) => sealed.json(),
            Err(error) => json!({ "error": error.to_string() }),
        };
        json!({
            "what": "manager-store",
            "format": version,
            "least_reader": min_reader,
            "store": Uuid(self.overview.store_id).to_string(),
            "generation": sequence,
            "vtpms": records,
            "counter": counter,
            "bytes_of_disk": bytes,
            "hardware_tpm": self.overview.hardware.map(|version| version.to_string()),
            "refusal_of_old_state": mode(self.overview.mode),
            "sealed": sealed,
        })
    }
}

impl fmt::Display for StoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.overview;
        let hardware = of.hardware.map_or_else(|| "none".into(), |version| version.to_string());
        writeln!(f, "what           the manager's store, format {}", of.version)?;
        writeln!(f, "store          {}", Uuid(of.store_id))?;
        writeln!(f, "generation     {} (commits)", of.sequence)?;
        writeln!(f, "vTPMs          {}", of.records)?;
        writeln!(f, "disk           {} KiB", of.bytes / 1024)?;
        writeln!(f, "hardware TPM   {hardware}")?;
        writeln!(f, "counter        {}", of.counter)?;
        writeln!(f, "old state      refusal {}", mode(of.mode))?;
        match &self.sealed {
            Ok(sealed) => write!(f, "secret         sealed {sealed}"),
            Err(error) => write!(f, "secret         {error}"),
        }
    }
}

impl VtpmReport {
    /// The newest generation on it.
    fn newest(&self) -> Option<u64> {
        self.generations?.into_iter().flatten().max()
    }

    fn json(self) -> Value {
        json!({
            "what": "vtpm-disk",
            "format": state_disk::FORMAT_VERSION,
            "uuid": self.uuid.to_string(),
            "tpm": self.tpm.to_string(),
            "generation": self.newest(),
            "slots": self.generations,
        })
    }
}

impl fmt::Display for VtpmReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what           a vTPM's state, format {}", state_disk::FORMAT_VERSION)?;
        writeln!(f, "uuid           {}", self.uuid)?;
        writeln!(f, "TPM            {}", self.tpm)?;
        let Some(generations) = self.generations else {
            return f.write_str("generation     none: no save is known to be kept");
        };
        let newest = self.newest().map_or_else(|| "none".into(), |newest| newest.to_string());
        let slot = |slot: Option<u64>| slot.map_or_else(|| "empty".into(), |of| of.to_string());
        let [first, second] = generations.map(slot);
        write!(f, "generation     {newest} (slots: {first}, {second})")
    }
}
