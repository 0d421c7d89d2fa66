//! swtpm, the software TPM that QEMU and others use.

use crate::{Missing, RawTpm};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Which specification swtpm is to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// TPM 1.2.
    Tpm12,
    /// TPM 2.0.
    Tpm20,
}

/// A running swtpm, powered on, not yet started by `TPM_Startup`. Dropping it ends it.
pub struct Swtpm {
    child: Child,
    socket: PathBuf,
    /// Holds socket and log; state too unless the caller brought a folder for it.
    _folder: tempfile::TempDir,
}

impl Swtpm {
    /// Starts a blank TPM.
    ///
    /// # Errors
    /// [`Missing`] when swtpm is not here or does not start.
    pub fn start(family: Family) -> Result<Self, Missing> {
        Self::launch(family, None)
    }

    /// Starts a TPM whose state is in `state`, where it stays.
    ///
    /// # Errors
    /// [`Missing`] when swtpm is not here or does not start.
    pub fn start_with_state(family: Family, state: &Path) -> Result<Self, Missing> {
        Self::launch(family, Some(state))
    }

    fn launch(family: Family, state: Option<&Path>) -> Result<Self, Missing> {
        let program = find()?;
        let folder =
            tempfile::tempdir().map_err(|e| Missing(format!("no temporary folder: {e}")))?;
        let socket = folder.path().join("command");
        let control = folder.path().join("control");
        let state = state.unwrap_or(folder.path());
        let mut command = Command::new(&program);
        command.args(["socket", "--flags", "not-need-init", "--server"]);
        command.arg(format!("type=unixio,path={}", socket.display()));
        command.args(["--ctrl".into(), format!("type=unixio,path={}", control.display())]);
        command.args(["--tpmstate".into(), format!("dir={}", state.display())]);
        if family == Family::Tpm20 {
            command.arg("--tpm2");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command
            .spawn()
            .map_err(|e| Missing(format!("{} does not start: {e}", program.display())))?;
        let mut swtpm = Self { child, socket, _folder: folder };
        swtpm.wait_for_socket()?;
        Ok(swtpm)
    }

    fn wait_for_socket(&mut self) -> Result<(), Missing> {
        for _ in 0..5000 {
            if self.socket.exists() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Missing(format!("swtpm ended at once ({status})")));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(Missing("swtpm opened no socket within 10 s".into()))
    }

    /// Connects to the TPM. swtpm serves one connection at a time, and ends with it.
    ///
    /// # Errors
    /// [`Missing`] when the connection is not accepted.
    pub fn connect(&self) -> Result<RawTpm, Missing> {
        RawTpm::connect(&self.socket, Duration::from_secs(10))
            .map_err(|e| Missing(format!("swtpm does not accept a connection: {e}")))
    }
}

impl Drop for Swtpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `VTPM_SWTPM` when set, else the lab's copy, else `swtpm` on the path.
pub(crate) fn find() -> Result<PathBuf, Missing> {
    crate::find::program("swtpm", "VTPM_SWTPM")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unless_missing;

    /// TPM2_GetCapability(TPM_PT_FAMILY_INDICATOR), refused before Startup with TPM_RC_INITIALIZE.
    const GET_CAPABILITY: [u8; 22] =
        [0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7a, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 0, 1];

    #[test]
    fn a_blank_tpm_answers_and_has_not_been_started() {
        let Some(swtpm) = unless_missing(Swtpm::start(Family::Tpm20)) else { return };
        let answer = swtpm.connect().unwrap().transmit(&GET_CAPABILITY).unwrap();
        assert_eq!(answer, [0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0]);
    }
}
