//! What the lab may be told.

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use lab::machine::{Options, Tpm, TpmDevice};
use lab::release::Choice;
use std::path::PathBuf;
use std::time::Duration;

/// Real Xen with a Debian dom0 under QEMU, without KVM and without installing anything.
#[derive(Parser)]
#[command(name = "lab", bin_name = "./x lab", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a script as root in dom0: its output, its exit code (6: the machine crashed, 124: time limit, 125: the lab failed)
    Run(Run),
    /// Open a shell in dom0: "exit" ends it, Ctrl-] kills the machine
    Shell(Machine),
    /// Run claims: scripts that each prove one sentence
    Claims(Claims),
    /// Fetch and build all that runs would fetch and build when they first need it
    Fetch {
        /// Debian release of dom0 and Xen
        #[arg(long, default_value_t)]
        release: Choice,
    },
    /// Print where something that the lab fetches lies, fetching it first if need be
    Path {
        /// What is looked for
        folder: Folder,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Folder {
    /// Root of the unpacked packages libtpms-dev and libtpms0
    Libtpms,
    /// A program that runs swtpm
    Swtpm,
    /// A program that runs valgrind
    Valgrind,
    /// Folder with swtpm, swtpm_setup, swtpm_ioctl and all of tpm2-tools
    TpmTools,
    /// Root of the unpacked package libxen-dev of Xen 4.17 and what it needs
    #[value(name = "libxl-4.17")]
    Libxl417,
    /// The same of Xen 4.20
    #[value(name = "libxl-4.20")]
    Libxl420,
    /// Root of the unpacked packages libtss2-dev, libc6-dev and pkgconf
    Tss,
    /// Root of the unpacked programs that `--suites` brings
    Suites,
    /// List of the exact package versions fetched
    Manifest,
}

#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) machine: Machine,
    /// The machine lives over several boots: a disk at /lab/kept, BOOT=1, 2, ... (tests/lab/README.md)
    #[arg(long, conflicts_with = "fast")]
    pub(crate) boots: bool,
    /// Write the serial log here (default: one of the newest in target/lab/logs)
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The script; it starts in /lab
    pub(crate) script: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Claims {
    /// Only name the claims and what they prove
    #[arg(long)]
    pub(crate) list: bool,
    /// Print docs/claims.md: which claim proves which sentence
    #[arg(long, conflicts_with_all = ["list", "names"])]
    pub(crate) table: bool,
    /// Long ones, too; else a long one runs only when its whole name is given
    #[arg(long)]
    pub(crate) all: bool,
    /// How many machines at a time (default: one for each processor, as far as memory allows)
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<usize>,
    /// Names of claims, with * for any characters, with or without ~VARIANT (default: all but long ones)
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

#[derive(Args)]
pub(crate) struct Machine {
    /// Restore a booted dom0 instead of booting one (the first use makes it)
    #[arg(long)]
    fast: bool,
    /// The machine's hardware TPM: 2, 1.2 or none
    #[arg(long, default_value = "none", value_name = "VERSION")]
    tpm: String,
    /// How the machine reaches its TPM
    #[arg(long, value_enum, default_value_t)]
    tpm_device: TpmDevice,
    /// Let dom0's own drivers take the TPM
    #[arg(long)]
    tpm_dom0: bool,
    /// Put a Linux guest's kernel and initramfs into /lab/guest
    #[arg(long)]
    guests: bool,
    /// Put the kernel's own tests of its TPM interface, and a Python, into /lab/kernel-tests
    #[arg(long)]
    kernel_tests: bool,
    /// Put systemd and udev into /lab/systemd.tar
    #[arg(long)]
    systemd: bool,
    /// Put crun and systemd-nspawn into /lab/containers.tar
    #[arg(long)]
    containers: bool,
    /// Put the device model of HVM guests into /lab/device-model.tar
    #[arg(long)]
    device_model: bool,
    /// Put clevis, tpm2-openssl, tpm2-pkcs11 and other programs that use a TPM into /lab/suites.tar
    #[arg(long)]
    suites: bool,
    /// Put dpkg, and the packages in target/deb as /lab/deb, into dom0
    #[arg(long)]
    dpkg: bool,
    /// Copy a folder's contents or a file into dom0 (default DEST: /lab)
    #[arg(long = "in", value_name = "SRC[:DEST]")]
    inputs: Vec<String>,
    /// Copy what is left in dom0's /out, with logs, to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Set a variable of the script's environment
    #[arg(long = "env", value_name = "NAME=VALUE")]
    environment: Vec<String>,
    /// Give up after this many seconds (default: 300; a shell has a day)
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,
    /// Debian release of dom0 and Xen: bookworm or trixie
    #[arg(long, default_value_t)]
    release: Choice,
    /// The machine's memory
    #[arg(long, default_value_t = 2560, value_name = "MIB")]
    mem: u32,
    /// dom0's part of it
    #[arg(long, default_value_t = 1024, value_name = "MIB")]
    dom0_mem: u32,
    /// More words for dom0's kernel
    #[arg(long, default_value = "", value_name = "WORDS", allow_hyphen_values = true)]
    dom0_args: String,
    /// More words for Xen
    #[arg(long, default_value = "", value_name = "WORDS", allow_hyphen_values = true)]
    xen_args: String,
}

impl Machine {
    /// Gives a person a day where nothing was said about time.
    pub(crate) fn with_a_day(mut self) -> Self {
        self.time_limit.get_or_insert(24 * 60 * 60);
        self
    }

    /// The same as the library knows it.
    pub(crate) fn options(&self) -> Result<Options> {
        let tpm = match self.tpm.as_str() {
            "none" => None,
            word => match Tpm::from_str(word, false) {
                Ok(kind) => Some(kind),
                Err(_) => bail!("--tpm takes 2, 1.2 or none, not {word}"),
            },
        };
        if (self.tpm_device, tpm) == (TpmDevice::Crb, Some(Tpm::V1)) {
            bail!("--tpm-device crb exists for TPM 2.0 only");
        }
        let own = Options::default();
        Ok(Options {
            release: self.release,
            fast: self.fast,
            tpm,
            tpm_device: self.tpm_device,
            tpm_dom0: self.tpm_dom0,
            boots: false,
            guests: self.guests,
            kernel_tests: self.kernel_tests,
            systemd: self.systemd,
            containers: self.containers,
            device_model: self.device_model,
            suites: self.suites,
            dpkg: self.dpkg,
            inputs: self.inputs.clone(),
            out: self.out.clone(),
            environment: self.environment.clone(),
            time_limit: self.time_limit.map_or(own.time_limit, Duration::from_secs),
            memory: self.mem,
            dom0_memory: self.dom0_mem,
            dom0_args: self.dom0_args.clone(),
            xen_args: self.xen_args.clone(),
        })
    }
}
