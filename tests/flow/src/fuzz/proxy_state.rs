//! Whoever can write into a proxy's directory puts anything in place of its state.

use super::bytes::Bytes;
use super::edits::edit;
use std::path::Path;
use tempfile::TempDir;
use tpm_wire::TpmVersion;
use vtpm_engine::TpmState;
use vtpm_proxy::state::{Keeper, take};
use vtpm_store::Secret;

/// A file of format 1 under a key of thirty-two bytes of 7.
const SAMPLE: &[u8] = include_bytes!("../../../../vtpm-proxy/tests/samples/state-1-tpm-2.0");

fn key() -> Secret {
    Secret::new([7; 32])
}

/// The first byte says whether the file is a changed sample (0) or the bytes alone.
///
/// # Panics
/// When a state is taken that was never kept, or a refusal does not name the file.
pub fn proxy_state(data: &[u8]) {
    FOLDER.with(|folder| in_folder(folder.path(), data));
}

thread_local! {
    /// One for all inputs; it goes with its thread, where a static would stay behind.
    static FOLDER: TempDir = tempfile::tempdir().expect("a folder");
}

fn in_folder(folder: &Path, data: &[u8]) {
    let mut bytes = Bytes(data);
    let file = match bytes.byte() & 1 {
        0 => edit(SAMPLE, &mut bytes),
        _ => bytes.0.to_vec(),
    };
    std::fs::write(folder.join("state"), &file).expect("the file can be written");
    let taken = read(folder);
    assert_eq!(std::fs::read(folder.join("state")).ok(), Some(file.clone()), "it stays");
    match taken {
        Ok(state) => assert!(file == SAMPLE && state.is_some()),
        Err(why) => assert!(why.contains("state"), "{why}"),
    }
}

fn read(folder: &Path) -> Result<Option<TpmState>, String> {
    let directory = take(folder).map_err(|why| format!("{why:#}"))?;
    let opened = Keeper::open(directory, key(), TpmVersion::Tpm20);
    opened.map(|(_, state)| state).map_err(|why| format!("{why:#}"))
}
