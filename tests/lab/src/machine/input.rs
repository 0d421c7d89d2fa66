//! The input disk: what dom0 is given. First sector `LABIN1 BYTES SECONDS`, a tar from byte 4096.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const DATA_AT: u64 = 4096;

/// What is put on the disk.
#[derive(Default)]
pub(crate) struct Input {
    /// Path in dom0, mode, content.
    texts: Vec<(String, u32, Vec<u8>)>,
    /// Path on this machine, path in dom0.
    files: Vec<(PathBuf, String)>,
}

impl Input {
    pub(crate) fn text(&mut self, path: &str, mode: u32, text: impl Into<Vec<u8>>) {
        self.texts.push((path.into(), mode, text.into()));
    }

    /// `SRC[:DEST]`: a folder's contents go to DEST, a file becomes DEST; without DEST to /lab.
    pub(crate) fn add(&mut self, word: &str) -> Result<()> {
        let (from, to) = word.split_once(':').map_or((word, None), |(from, to)| (from, Some(to)));
        let path = Path::new(from);
        let to = to.map(|to| to.trim_matches('/').to_owned());
        if path.is_dir() {
            let to = to.unwrap_or_else(|| "lab".into());
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                self.files
                    .push((entry.path(), format!("{to}/{name}").trim_matches('/').to_owned()));
            }
        } else if path.exists() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.files.push((path.to_owned(), to.unwrap_or_else(|| format!("lab/{name}"))));
        } else {
            bail!("there is no input {from}");
        }
        Ok(())
    }

    /// Writes the disk.
    pub(crate) fn write(&self, disk: &Path, size: u64) -> Result<()> {
        let mut file = File::create(disk)?;
        file.set_len(size)?;
        file.seek(SeekFrom::Start(DATA_AT))?;
        let mut archive = tar::Builder::new(&mut file);
        self.fill(&mut archive)?;
        archive.finish()?;
        drop(archive);
        let bytes = file.stream_position()? - DATA_AT;
        if bytes + DATA_AT > size {
            bail!("the input is larger than {} MiB", size >> 20);
        }
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "LABIN1 {bytes} {}", now())?;
        Ok(())
    }

    fn fill<W: Write>(&self, archive: &mut tar::Builder<W>) -> Result<()> {
        for (path, mode, text) in &self.texts {
            archive.append_data(&mut header(*mode, text.len() as u64), path, &text[..])?;
        }
        for (from, to) in &self.files {
            append(archive, from, to)
                .with_context(|| format!("cannot put {} into dom0", from.display()))?;
        }
        Ok(())
    }
}

fn append<W: Write>(archive: &mut tar::Builder<W>, from: &Path, to: &str) -> Result<()> {
    let meta = from.metadata()?;
    if meta.is_dir() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            append(
                archive,
                &entry.path(),
                &format!("{to}/{}", entry.file_name().to_string_lossy()),
            )?;
        }
        return Ok(());
    }
    let mut file = File::open(from)?;
    archive.append_data(
        &mut header(meta.permissions().mode() & 0o7777, meta.len()),
        to,
        &mut file,
    )?;
    Ok(())
}

/// A file of root's, changed now.
fn header(mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(now());
    header
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_contents_go_to_where_it_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "hello").unwrap();
        let mut input = Input::default();
        input.add(&format!("{}:/etc/test", folder.path().display())).unwrap();
        input.add(&format!("{}", folder.path().join("x").display())).unwrap();
        assert_eq!(input.files[0].1, "etc/test/x");
        assert_eq!(input.files[1].1, "lab/x");
        assert!(input.add("/nowhere/at/all:/x").is_err());
    }

    #[test]
    fn the_disk_says_how_long_its_archive_is() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        let mut input = Input::default();
        input.text("lab/hello", 0o755, "hello");
        input.write(&disk, 1 << 20).unwrap();
        let bytes = fs::read(&disk).unwrap();
        assert!(bytes.starts_with(b"LABIN1 2048 "));
        let mut archive = tar::Archive::new(&bytes[4096..4096 + 2048]);
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some("lab/hello"));
    }
}
