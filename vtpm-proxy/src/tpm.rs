//! One container's TPM: the rules of a vTPM domain, with the kernel's driver as its one frontend.

use crate::device;
use crate::state::Keeper;
use anyhow::{Context, Result, anyhow};
use domain_io::DomainId;
use tpmif::nodes::DeviceId;
use vtpm_engine::{LibTpms, StartConfig, TpmState};
use vtpm_service::{Arguments, Origin, Past, Service};

/// The driver, in the words of the rules: the one frontend there is.
const KERNEL: DeviceId = DeviceId { frontend: DomainId(0), device: 0 };

/// A TPM whose state is on disk before an answer leaves.
pub struct Tpm(Service<LibTpms, Keeper>);

impl Tpm {
    /// Powers a TPM on, sends Startup(CLEAR) and closes the platform hierarchy, as firmware does.
    ///
    /// # Errors
    /// When the engine does not start with this state, or the state cannot be kept.
    pub fn power_on(keeper: Keeper, state: Option<TpmState>, arguments: Arguments) -> Result<Self> {
        let version = arguments.version;
        let origin = match state {
            Some(_) => Origin::Kept(Past::default()),
            None => Origin::New,
        };
        let engine = LibTpms::start(StartConfig { version, state, volatile: None })
            .context("the TPM does not start")?;
        let mut service = Service::start(engine, keeper, arguments, origin)
            .map_err(|error| anyhow!("{error}"))?;
        service.guest_attached(KERNEL, None, |_| true).map_err(|error| anyhow!("{error}"))?;
        Ok(Self(service))
    }

    /// Brings the TPM into order: TPM2_Shutdown or TPM_SaveState, kept.
    ///
    /// # Errors
    /// When the state could not be kept.
    pub fn shutdown(&mut self) -> Result<()> {
        self.0.shutdown().map_err(|error| anyhow!("{error}"))
    }
}

impl device::Tpm for Tpm {
    fn execute(&mut self, locality: u8, command: &[u8]) -> Result<Vec<u8>> {
        self.0.command(KERNEL, locality, command).map_err(|error| anyhow!("{error}"))
    }
}
