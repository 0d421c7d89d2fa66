//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use std::path::PathBuf;
use std::time::Duration;

/// A TPM for every container, and a full TPM 2.0 device in Xen guests, through Linux's /dev/vtpmx
#[derive(Parser)]
#[command(name = "vtpm-proxy", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve a TPM as a new /dev/tpmN until SIGTERM
    #[command(after_long_help = RUN_NOTES)]
    Run(Run),
    /// In a Xen guest: make a TPM 2.0 chip, with /dev/tpmrmN, of the vTPM behind xen-tpmfront
    #[command(after_long_help = RELAY_NOTES)]
    Relay(Relay),
    /// Show the TPMs that are being served on this machine
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print how to hand a TPM's device to a container
    Recipe {
        /// Which TPM
        name: String,
        /// For whom
        #[arg(long = "for", value_enum, default_value_t = For::Oci)]
        reader: For,
    },
    /// End a TPM in order: TPM2_Shutdown, state kept, device gone
    Stop {
        /// Which TPM
        name: String,
        /// How long to wait for it
        #[arg(long, value_name = "SECONDS", default_value_t = 30)]
        timeout: u64,
    },
    /// Print a completion script
    Completion {
        /// For which shell
        shell: Shell,
    },
}

const RUN_NOTES: &str = "\
The state is encrypted under a key of 32 bytes, which is yours to keep: without it the TPM is lost. \
Exactly one of --key-file, --credential and --host-tpm names it. The state is on disk before the \
response of the command that changed it leaves.

Needs the kernel module tpm_vtpm_proxy, and CAP_SYS_ADMIN to make the device, which is given up before \
the first command. With --stdin it needs neither: it serves what the starting program got from \
VTPM_PROXY_IOC_NEW_DEV, or one end of a pair of sockets that keep packets whole (SOCK_SEQPACKET).

Examples:
  (umask 077; head -c 32 /dev/urandom >/etc/mytpm.key)
  vtpm-proxy run --state /var/lib/vtpm-proxy/web --key-file /etc/mytpm.key
  vtpm-proxy recipe web --for podman";

const RELAY_NOTES: &str = "\
The kernel's xen-tpmfront takes every vTPM for a TPM 1.2, so it makes no resource manager for it. The \
relay opens that device, which keeps everybody else from it, and makes a second one that the kernel \
knows as a TPM 2.0. The vTPM itself shuts its TPM down in order when the guest ends, so nothing \
depends on when the relay is stopped. It ends by itself when the vTPM is detached.

Examples:
  vtpm-proxy relay
  tpm2_getrandom --tcti device:/dev/tpmrm1 --hex 16";

/// What to serve, and where.
#[derive(Args)]
pub(crate) struct Run {
    /// The TPM's directory; a new or empty one makes a new TPM
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
    /// Which TPM to be
    #[arg(long, value_name = "1.2|2.0", value_enum, default_value_t = Version::Tpm20)]
    pub(crate) tpm: Version,
    /// Its name for list, recipe and stop (default: the directory's)
    #[arg(long, value_hint = ValueHint::Other)]
    pub(crate) name: Option<String>,
    /// PCR banks that a new TPM 2.0 gets, such as sha256 or sha1,sha256,sha384
    #[arg(long, value_name = "BANK,...", value_hint = ValueHint::Other)]
    pub(crate) banks: Option<String>,
    /// Leave the platform hierarchy of a TPM 2.0 open, for test suites
    #[arg(long)]
    pub(crate) platform_open: bool,
    /// Serve on standard input, the server's end of a device that another program made
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(flatten)]
    pub(crate) key: Key,
}

/// Where the key comes from.
#[derive(Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("key").required(true))]
pub(crate) struct Key {
    /// A file with 32 bytes or 64 hexadecimal digits, readable by its owner only
    #[arg(long, value_name = "FILE", group = "key")]
    pub(crate) key_file: Option<PathBuf>,
    /// A credential of this systemd unit
    #[arg(long, value_name = "NAME", group = "key", value_hint = ValueHint::Other)]
    pub(crate) credential: Option<String>,
    /// Draw a key at first start and seal it to this TPM 2.0 of the host
    #[arg(
        long, value_name = "DEVICE", group = "key", num_args = 0..=1,
        default_missing_value = "/dev/tpmrm0"
    )]
    pub(crate) host_tpm: Option<PathBuf>,
    /// With --host-tpm, accept a host whose firmware measures nothing at boot
    #[arg(long, requires = "host_tpm")]
    pub(crate) unmeasured: bool,
}

/// What to relay.
#[derive(Args)]
pub(crate) struct Relay {
    /// The device of xen-tpmfront (default: the one there is)
    #[arg(long, value_name = "DEVICE")]
    pub(crate) device: Option<PathBuf>,
    /// Make this name, such as /dev/tpmrm0, a link to the new /dev/tpmrmN while it is there
    #[arg(long, value_name = "PATH")]
    pub(crate) link: Option<PathBuf>,
    /// How long to wait for it to appear
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) wait: u64,
}

impl Relay {
    /// How long to wait for the device.
    pub(crate) const fn patience(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    #[value(name = "1.2")]
    Tpm12,
    #[value(name = "2.0")]
    Tpm20,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tpm12 => "1.2",
            Self::Tpm20 => "2.0",
        })
    }
}

/// Who is handed a device.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum For {
    /// The linux section of an OCI runtime's config.json
    Oci,
    /// podman's or docker's command line
    #[value(alias = "docker")]
    Podman,
    /// systemd-nspawn's command line
    Nspawn,
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_manual_page_names_every_command_and_option() {
        let page = include_str!("../../man/vtpm-proxy.1").replace("\\-", "-");
        for command in Arguments::command().get_subcommands() {
            assert!(page.contains(&format!(".TP\n\\fB{}\\fR", command.get_name())));
            for option in command.get_arguments().filter_map(|option| option.get_long()) {
                let tag = format!(".TP\n\\fB--{option}\\fR");
                assert!(page.contains(&tag), "{} --{option}", command.get_name());
            }
        }
    }

    #[test]
    fn exactly_one_key_is_named() {
        let parse = |words: &[&str]| {
            let words = [&["vtpm-proxy", "run", "--state", "x"], words].concat();
            Arguments::try_parse_from(words).is_ok()
        };
        assert!(parse(&["--key-file", "k"]) && parse(&["--credential", "c"]));
        assert!(parse(&["--host-tpm"]) && parse(&["--host-tpm", "/dev/tpmrm1"]));
        assert!(!parse(&[]) && !parse(&["--key-file", "k", "--host-tpm"]));
    }
}
