//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use vtpm_engine::TpmVersion;

/// A TPM in software, by the engine of the vTPM domains
#[derive(Parser)]
#[command(name = "vtpm-engine", version, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serve one TPM on a Unix socket until SIGTERM
    #[command(after_long_help = SERVE_NOTES)]
    Serve(Serve),
}

const SERVE_NOTES: &str = "\
The socket takes raw TPM command packets and gives back raw response packets. Several clients may \
be connected; one command runs at a time, in the order of arrival. Nothing is sent to the TPM \
besides your commands: after power on it waits for TPM2_Startup or TPM_Startup (see --startup).

The state is on disk before the response of the command that changed it leaves. SIGTERM and \
SIGINT stop after the running command, without TPM2_Shutdown: send that yourself for an orderly \
stop. A TPM 2.0 counts each other stop after use of a key under dictionary attack protection as a \
failed try.

Examples:
  vtpm-engine serve --socket /run/tpm.sock --state /var/lib/mytpm --tpm 2.0 --startup clear
  tpm2_getrandom -T 'cmd:socat - UNIX-CONNECT:/run/tpm.sock' --hex 16";

/// What to serve, and where.
#[derive(Args)]
pub(crate) struct Serve {
    /// Where to listen; removed again at the end
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: PathBuf,
    /// The TPM's directory; a new or empty one makes a new TPM
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Which TPM to be
    #[arg(long, value_name = "1.2|2.0", value_enum)]
    tpm: Version,
    /// Send this Startup first, as firmware does; not after a resume, which needs none
    #[arg(long, value_name = "KIND", value_enum)]
    pub(crate) startup: Option<Startup>,
    /// At the end, write what lives in memory (keys, sessions, PCRs) to this file; it is secret
    #[arg(long, value_name = "FILE")]
    pub(crate) suspend_to: Option<PathBuf>,
    /// Go on from such a file, which is removed; refused when the state changed since
    #[arg(long, value_name = "FILE")]
    pub(crate) resume_from: Option<PathBuf>,
}

impl Serve {
    /// The TPM version asked for.
    pub(crate) const fn version(&self) -> TpmVersion {
        match self.tpm {
            Version::Tpm12 => TpmVersion::Tpm12,
            Version::Tpm20 => TpmVersion::Tpm20,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum Version {
    #[value(name = "1.2")]
    Tpm12,
    #[value(name = "2.0")]
    Tpm20,
}

/// Which Startup to send.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Startup {
    /// Startup(CLEAR): a boot
    Clear,
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
