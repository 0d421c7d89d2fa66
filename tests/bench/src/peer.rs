//! The peer's side: swtpm, given the same TPM.

use crate::sides::Tpm;
use anyhow::{Context, Result};
use peers::{Family, RawTpm, Swtpm, unless_missing};
use tempfile::TempDir;
use tpm_wire::tpm20::{StartupType, startup};
use vtpm_engine::TpmState;

/// Where swtpm keeps the permanent state of a TPM 2.0.
pub(crate) const STATE_FILE: &str = "tpm2-00.permall";

/// The running program and the folder with its state.
pub(crate) type Process = (Swtpm, TempDir);

/// Starts swtpm with this TPM; `None` after saying so where it is not installed.
pub(crate) fn start(state: &TpmState) -> Result<Option<(RawTpm, Process)>> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    std::fs::write(folder.path().join(STATE_FILE), blob(&state.permanent)?)?;
    let Some(swtpm) = unless_missing(Swtpm::start_with_state(Family::Tpm20, folder.path())) else {
        return Ok(None);
    };
    let Some(mut tpm) = unless_missing(swtpm.connect()) else { return Ok(None) };
    tpm.succeed(&startup(StartupType::CLEAR)).context("swtpm does not take the state")?;
    Ok(Some((tpm, (swtpm, folder))))
}

/// libtpms's state as swtpm writes it, all numbers big-endian: a header of version, oldest version
/// that reads it, header size, flags (none: not encrypted) and total size; then one record of tag
/// (1: plain data), size and the bytes as they are (swtpm_nvstore.c, `blobheader`; tlv.h).
fn blob(permanent: &[u8]) -> Result<Vec<u8>> {
    const VERSIONS: [u8; 2] = [2, 1];
    const HEADER_BYTES: u16 = 10;
    const FLAGS: [u8; 2] = [0, 0];
    const TAG_DATA: [u8; 2] = [0, 1];
    let length = u32::try_from(permanent.len())?.to_be_bytes();
    let record = [&TAG_DATA[..], &length, permanent].concat();
    let total = u32::try_from(record.len())?.saturating_add(HEADER_BYTES.into());
    let head = [&VERSIONS[..], &HEADER_BYTES.to_be_bytes(), &FLAGS, &total.to_be_bytes()];
    Ok([&head.concat(), &record[..]].concat())
}

#[cfg(test)]
mod tests {
    use super::blob;

    #[test]
    fn the_header_counts_itself_and_the_record_counts_the_state() {
        let expected = [2, 1, 0, 10, 0, 0, 0, 0, 0, 19, 0, 1, 0, 0, 0, 3, b'a', b'b', b'c'];
        assert_eq!(blob(b"abc").unwrap(), expected);
    }
}
