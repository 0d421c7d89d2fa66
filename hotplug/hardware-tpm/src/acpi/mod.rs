//! What firmware says about the TPM in its ACPI tables.

mod header;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::roots::{self, Roots};
pub use header::TableError;
use header::{Fields, checked};
use tpm_hw::StartMethod;
use tpm_wire::TpmVersion;

/// Where firmware's log of its measurements is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogArea {
    /// Its physical address.
    pub address: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// The table that announces the TPM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `TPM2` (ACPI, 8).
    Tpm2 {
        /// How commands are started.
        start_method: StartMethod,
        /// Physical address of the CRB control area; 0 where there is none.
        control_area: u64,
        /// The log, where the table has room for it.
        log: Option<LogArea>,
    },
    /// `TCPA` (ACPI, 7.2).
    Tcpa {
        /// The log.
        log: Option<LogArea>,
    },
}

impl Table {
    /// The table of this machine, `TPM2` where both are there; `None` when there is neither.
    ///
    /// # Errors
    /// [`Error::Unreadable`], or [`Error::Table`] when its bytes are none.
    pub fn read(roots: &Roots) -> Result<Option<Self>, Error> {
        for (name, parse) in [("TPM2", Self::tpm2 as fn(&[u8]) -> _), ("TCPA", Self::tcpa)] {
            let path = roots.path("sys/firmware/acpi/tables").join(name);
            if let Some(bytes) = roots::bytes(&path)? {
                let table = parse(&bytes);
                return table.map(Some).map_err(|why| Error::Table { path, why });
            }
        }
        Ok(None)
    }

    /// Reads a table `TPM2`.
    ///
    /// # Errors
    /// [`TableError`] when the bytes are no such table.
    pub fn tpm2(bytes: &[u8]) -> Result<Self, TableError> {
        let fields = checked(bytes, *b"TPM2", 52)?;
        // 36: platform class and a reserved field; 52 to 63: parameters of the start method.
        let (control_area, start_method) = (fields.u64(40)?, StartMethod(fields.u32(48)?));
        Ok(Self::Tpm2 { start_method, control_area, log: log(fields, 64, 68) })
    }

    /// Reads a table `TCPA`. A server's has another layout, of which only the version is taken.
    ///
    /// # Errors
    /// [`TableError`] when the bytes are no such table.
    pub fn tcpa(bytes: &[u8]) -> Result<Self, TableError> {
        const CLIENT: u16 = 0;
        let fields = checked(bytes, *b"TCPA", 38)?;
        let is_client = fields.u16(36)? == CLIENT;
        Ok(Self::Tcpa { log: if is_client { log(fields, 38, 42) } else { None } })
    }

    /// The table's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tpm2 { .. } => "TPM2",
            Self::Tcpa { .. } => "TCPA",
        }
    }

    /// The version of the TPM that it announces.
    #[must_use]
    pub const fn version(&self) -> TpmVersion {
        match self {
            Self::Tpm2 { .. } => TpmVersion::Tpm20,
            Self::Tcpa { .. } => TpmVersion::Tpm12,
        }
    }

    /// Firmware's log.
    #[must_use]
    pub const fn log(&self) -> Option<LogArea> {
        match self {
            Self::Tpm2 { log, .. } | Self::Tcpa { log } => *log,
        }
    }

    /// How commands are started; the tables of a TPM 1.2 do not say, it has one way only.
    #[must_use]
    pub const fn start_method(&self) -> Option<StartMethod> {
        match self {
            Self::Tpm2 { start_method, .. } => Some(*start_method),
            Self::Tcpa { .. } => None,
        }
    }
}

fn log(fields: Fields<'_>, length: usize, address: usize) -> Option<LogArea> {
    let bytes = u64::from(fields.u32(length).ok()?);
    let log = LogArea { address: fields.u64(address).ok()?, bytes };
    (log.bytes != 0 && log.address != 0).then_some(log)
}
