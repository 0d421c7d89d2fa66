//! The inputs that a target's runs found and that are kept for the next machine: one file for each
//! target, `tests/fuzz/found/TARGET`, of each input's length (two bytes, little-endian) and its bytes.

use super::folders::{found, kept, made, packed, unpacked};
use super::run_one;
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Of what was packed before or found since, packs what reaches more than the named inputs do.
pub(super) fn keep(target: &str) -> Result<()> {
    let base = made(&format!("base/{target}"))?;
    fs::remove_dir_all(&base)?;
    fs::create_dir_all(&base)?;
    for file in files(&kept(target))? {
        fs::copy(&file, base.join(file.file_name().context("a file")?))?;
    }
    let before = files(&base)?;
    run_one(target, &arguments(&base, &[unpacked(target)?, found(target)?]))?;
    let number = pack(&base, &before, &packed(target))?;
    println!("{target}: {} inputs of its own and {number} that were found", before.len());
    Ok(())
}

/// Copies what reaches an edge that `base` does not; how often it is reached does not count.
fn arguments(base: &Path, more: &[PathBuf]) -> Vec<String> {
    let fixed = ["-merge=1", "-use_counters=0", "-max_len=4096", "-timeout=60"];
    let folders = std::iter::once(base).chain(more.iter().map(PathBuf::as_path));
    folders.map(|folder| folder.display().to_string()).chain(fixed.map(Into::into)).collect()
}

/// Puts the inputs of a packed file, none if it is not there, one by one into an empty folder.
///
/// # Errors
/// The file ends within an input.
pub(super) fn unpack(packed: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    if !packed.exists() {
        return Ok(());
    }
    let bytes = fs::read(packed)?;
    let inputs = inputs(&bytes).with_context(|| format!("{} is cut", packed.display()))?;
    for (number, input) in inputs.into_iter().enumerate() {
        fs::write(folder.join(number.to_string()), input)?;
    }
    Ok(())
}

/// Writes a folder's inputs but those named `without` into one file, the shortest first, and says how
/// many they are.
///
/// # Errors
/// An input is too long, or the files.
fn pack(folder: &Path, without: &BTreeSet<PathBuf>, packed: &Path) -> Result<usize> {
    let new = files(folder)?;
    let read = new.difference(without).map(fs::read);
    let mut inputs = read.collect::<io::Result<Vec<_>>>()?;
    inputs.sort_by_key(|input| (input.len(), input.clone()));
    let mut bytes = Vec::new();
    for input in &inputs {
        bytes.extend(u16::try_from(input.len())?.to_le_bytes());
        bytes.extend(input);
    }
    fs::write(packed, bytes).with_context(|| packed.display().to_string())?;
    Ok(inputs.len())
}

fn inputs(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (input, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        all.push(input);
        bytes = rest;
    }
    Some(all)
}

fn files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path, inputs: &[(&str, &str)]) {
        for (name, text) in inputs {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn what_is_new_is_packed_and_comes_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let (packed, out) = (folder.path().join("packed"), folder.path().join("out"));
        let corpus = folder.path().join("corpus");
        fs::create_dir(&corpus).unwrap();
        written(&corpus, &[("good", "good")]);
        let before = files(&corpus).unwrap();
        written(&corpus, &[("00", "longer"), ("01", "new")]);
        assert_eq!(pack(&corpus, &before, &packed).unwrap(), 2);
        assert_eq!(fs::read(&packed).unwrap(), b"\x03\0new\x06\0longer");
        for _ in 0..2 {
            unpack(&packed, &out).unwrap();
            assert_eq!(files(&out).unwrap().len(), 2);
            assert_eq!(fs::read(out.join("1")).unwrap(), b"longer");
        }
    }

    #[test]
    fn a_packed_file_that_is_cut_is_refused_and_one_that_is_not_there_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        let (packed, out) = (folder.path().join("packed"), folder.path().join("out"));
        unpack(&packed, &out).unwrap();
        assert!(files(&out).unwrap().is_empty());
        for cut in ["\x03", "\x03\0ne", "\x01\0a\x02\0b"] {
            fs::write(&packed, cut).unwrap();
            let error = unpack(&packed, &out).unwrap_err().to_string();
            assert!(error.ends_with("packed is cut"), "{error}");
        }
    }
}
