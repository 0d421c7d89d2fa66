//! Writing: all files or none.

use crate::render::File;
use anyhow::{Context, Result, anyhow, bail};
use command_line::{file_error, not_text};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::NamedTempFile;

/// As xl's own files: readable for all, they hold no secret.
const MODE: u32 = 0o644;

/// Writes every file. Without `force` none may be there yet; a file that already holds its text stays.
///
/// # Errors
/// A file is there, or cannot be written; those written before it are taken away again.
pub(crate) fn write(files: &[File], force: bool) -> Result<()> {
    let fresh: Vec<&File> = files.iter().filter(|file| !holds(file)).collect();
    if !force {
        let there: Vec<_> = fresh.iter().filter(|file| file.path.exists()).collect();
        if !there.is_empty() {
            let list: Vec<_> = there.iter().map(|file| file.path.display().to_string()).collect();
            bail!(
                "{} would be replaced; nothing was written. Use --force to replace, or --output \
                 to write elsewhere",
                list.join(", ")
            );
        }
    }
    let prepared = fresh.iter().map(|file| prepared(file)).collect::<Result<Vec<_>>>()?;
    let mut made: Vec<&Path> = Vec::new();
    for (file, ready) in fresh.iter().zip(prepared) {
        let new = !file.path.exists();
        let kept = if force {
            ready.persist(&file.path).map_err(|error| error.error)
        } else {
            ready.persist_noclobber(&file.path).map_err(|error| error.error)
        };
        if let Err(error) = kept {
            for path in made {
                // The first failure is the one to report.
                let _ = fs::remove_file(path);
            }
            return Err(error).with_context(|| format!("cannot write {}", file.path.display()));
        }
        if new {
            made.push(&file.path);
        }
    }
    Ok(())
}

/// A text file; what is wrong with it, and what to name instead (`wanted`).
pub(crate) fn text(file: &Path, wanted: &str) -> Result<String> {
    let bytes = fs::read(file).map_err(|error| anyhow!(file_error(file, &error, wanted)))?;
    String::from_utf8(bytes).map_err(|why| anyhow!(not_text(file, why.as_bytes(), wanted)))
}

fn holds(file: &File) -> bool {
    fs::read_to_string(&file.path).is_ok_and(|text| text == file.text)
}

/// The whole text in a file of another name, in the same folder.
fn prepared(file: &File) -> Result<NamedTempFile> {
    let folder = file.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let why = || format!("cannot write into {}; name another folder by --output", folder.display());
    if folder.exists() && !folder.is_dir() {
        bail!("{} is no folder; name one by --output or output=", folder.display());
    }
    fs::create_dir_all(folder).with_context(why)?;
    let mut ready = NamedTempFile::new_in(folder).with_context(why)?;
    ready.write_all(file.text.as_bytes()).with_context(why)?;
    ready.as_file().sync_all().with_context(why)?;
    fs::set_permissions(ready.path(), fs::Permissions::from_mode(MODE)).with_context(why)?;
    Ok(ready)
}
