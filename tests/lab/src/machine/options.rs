//! What a machine may be asked to be.

use crate::release::Choice;
use std::path::PathBuf;
use std::time::Duration;

/// The version of the machine's hardware TPM (swtpm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Tpm {
    /// TPM 1.2
    #[value(name = "1.2")]
    V1,
    /// TPM 2.0
    #[value(name = "2")]
    V2,
}

/// The interface through which the machine reaches its TPM, at 0xfed40000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TpmDevice {
    /// TCG PC Client TIS/FIFO
    #[default]
    Tis,
    /// TCG PC Client CRB (TPM 2.0 only)
    Crb,
}

/// One machine and what it is given. Sizes in MiB.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which Debian release dom0 and hypervisor come from.
    pub release: Choice,
    /// Restore a booted dom0 instead of booting one.
    pub fast: bool,
    /// The hardware TPM, if any.
    pub tpm: Option<Tpm>,
    /// Its interface.
    pub tpm_device: TpmDevice,
    /// Let dom0's own drivers take the TPM.
    pub tpm_dom0: bool,
    /// The machine lives over several boots, with a disk at `/lab/kept` and the state of its TPM.
    pub boots: bool,
    /// Put `/lab/guest` into dom0.
    pub guests: bool,
    /// Put the kernel's own tests of its TPM interface, and a Python, into `/lab/kernel-tests`.
    pub kernel_tests: bool,
    /// Put systemd and udev into `/lab/systemd.tar`.
    pub systemd: bool,
    /// Put what runs containers into `/lab/containers.tar`.
    pub containers: bool,
    /// Put the device model of HVM guests into `/lab/device-model.tar`.
    pub device_model: bool,
    /// Put other people's programs that use a TPM into `/lab/suites.tar`.
    pub suites: bool,
    /// Put dpkg and the product's packages into dom0.
    pub dpkg: bool,
    /// `SRC[:DEST]`: files and folders for dom0.
    pub inputs: Vec<String>,
    /// Where `/out` of dom0 is copied to.
    pub out: Option<PathBuf>,
    /// `K=V`: the script's environment.
    pub environment: Vec<String>,
    /// After this the machine is killed.
    pub time_limit: Duration,
    /// The machine's memory.
    pub memory: u32,
    /// dom0's part of it.
    pub dom0_memory: u32,
    /// More words for dom0's kernel.
    pub dom0_args: String,
    /// More words for Xen.
    pub xen_args: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            release: Choice::default(),
            fast: false,
            tpm: None,
            tpm_device: TpmDevice::Tis,
            tpm_dom0: false,
            boots: false,
            guests: false,
            kernel_tests: false,
            systemd: false,
            containers: false,
            device_model: false,
            suites: false,
            dpkg: false,
            inputs: Vec::new(),
            out: None,
            environment: Vec::new(),
            time_limit: Duration::from_secs(300),
            memory: 2560,
            dom0_memory: 1024,
            dom0_args: String::new(),
            xen_args: String::new(),
        }
    }
}
