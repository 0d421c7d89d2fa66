//! Writing: all files or none.

use crate::render::File;
use anyhow::{Context, Result, anyhow, bail};
use command_line::{file_error, not_text};
use libxl_vtpm::text::read_file;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// As xl's own files: readable for all, unless what is written is a secret.
const MODE: u32 = 0o644;

/// Words of a manager's that hold one: an authorisation of the hardware TPM's (docs/manager-words.md).
const SECRETS: [&str; 4] =
    ["owner_auth=text:", "owner_auth=hash:", "srk_auth=text:", "srk_auth=hash:"];

/// Writes every file. Without `force` none may be there yet; a file that already holds its text stays.
///
/// # Errors
/// A file is there, or cannot be written; those written before it are taken away again, and those that
/// were replaced are put back.
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
    let mut writing = Writing::default();
    let written = writing.all(&fresh, force);
    if written.is_err() {
        writing.undo();
    }
    written
}

/// What has been changed, and how it was before.
#[derive(Default)]
struct Writing {
    folders: Vec<PathBuf>,
    made: Vec<PathBuf>,
    /// The old files under other names, and their own.
    replaced: Vec<(NamedTempFile<()>, PathBuf)>,
}

impl Writing {
    fn all(&mut self, files: &[&File], force: bool) -> Result<()> {
        for file in files {
            replaceable(&file.path)?;
        }
        let prepared = files.iter().map(|file| self.prepared(file)).collect::<Result<Vec<_>>>()?;
        for (file, ready) in files.iter().zip(prepared) {
            self.one(&file.path, ready, force)
                .with_context(|| format!("cannot write {}", file.path.display()))?;
        }
        Ok(())
    }

    fn one(&mut self, path: &Path, ready: NamedTempFile, force: bool) -> io::Result<()> {
        if force && path.symlink_metadata().is_ok() {
            let old = kept(path)?;
            ready.persist(path)?;
            self.replaced.push((old, path.to_owned()));
        } else {
            ready.persist_noclobber(path)?;
            self.made.push(path.to_owned());
        }
        Ok(())
    }

    /// The whole text in a file of another name, in the same folder.
    fn prepared(&mut self, file: &File) -> Result<NamedTempFile> {
        let folder = folder_of(&file.path);
        let why =
            || format!("cannot write into {}; name another folder by --output", folder.display());
        if folder.exists() && !folder.is_dir() {
            bail!("{} is no folder; name one by --output or output=", folder.display());
        }
        let missing = folder.ancestors().take_while(|folder| !folder.exists());
        self.folders.extend(missing.map(Path::to_owned).collect::<Vec<_>>().into_iter().rev());
        fs::create_dir_all(folder).with_context(why)?;
        let mut ready = NamedTempFile::new_in(folder).with_context(why)?;
        ready.write_all(file.text.as_bytes()).with_context(why)?;
        ready.as_file().sync_all().with_context(why)?;
        fs::set_permissions(ready.path(), fs::Permissions::from_mode(mode(file)))
            .with_context(why)?;
        Ok(ready)
    }

    /// As it was before. The first failure is the one to report.
    fn undo(self) {
        for (old, path) in self.replaced.into_iter().rev() {
            // What cannot be put back stays beside it, under the other name.
            let _ = old.persist(path).map_err(|error| error.file.keep());
        }
        for path in self.made {
            let _ = fs::remove_file(path);
        }
        for folder in self.folders.into_iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// An old file under another name beside it, with its owner and mode where the file system has links.
fn kept(path: &Path) -> io::Result<NamedTempFile<()>> {
    Builder::new().prefix(".old").make_in(folder_of(path), |other| {
        fs::hard_link(path, other).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Err(error),
            _ => fs::copy(path, other).map(drop),
        })
    })
}

/// No more may read it than the file that it is a copy of, which may hold a password, or the one that it replaces.
fn mode(file: &File) -> u32 {
    if file.kind == "manager" && SECRETS.iter().any(|word| file.text.contains(word)) {
        return 0o600;
    }
    let others = file.copy_of.iter().chain([&file.path]);
    let modes = others.filter_map(|other| fs::metadata(other).ok());
    modes.fold(MODE, |mode, found| mode & found.permissions().mode()) | 0o600
}

fn replaceable(path: &Path) -> Result<()> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => bail!(
            "cannot write {}, which is there and is no file; nothing was written. Take it away, or \
             name another folder by --output",
            path.display()
        ),
        _ => Ok(()),
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A text file; what is wrong with it, and what to name instead (`wanted`).
pub(crate) fn text(file: &Path, wanted: &str) -> Result<String> {
    let bytes = read_file(file).map_err(|error| anyhow!(file_error(file, &error, wanted)))?;
    String::from_utf8(bytes).map_err(|why| anyhow!(not_text(file, why.as_bytes(), wanted)))
}

fn holds(file: &File) -> bool {
    fs::read_to_string(&file.path).is_ok_and(|text| text == file.text)
}

#[test]
fn what_was_written_before_a_failure_is_as_it_was() {
    let here = tempfile::tempdir().unwrap();
    let at = |name: &str| here.path().join(name);
    fs::write(at("old.cfg"), "old").unwrap();
    fs::set_permissions(at("old.cfg"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut writing = Writing::default();
    let mut written = |name: &str| {
        let file =
            File { path: at(name), text: "new".into(), kind: "vtpm", copy_of: None, remark: None };
        let ready = writing.prepared(&file).unwrap();
        writing.one(&file.path, ready, true).unwrap();
        assert_eq!(fs::read_to_string(at(name)).unwrap(), "new");
    };
    for name in ["old.cfg", "made.cfg", "folder/deep/made.cfg"] {
        written(name);
    }
    writing.undo();
    assert_eq!(fs::read_to_string(at("old.cfg")).unwrap(), "old");
    assert_eq!(fs::metadata(at("old.cfg")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_copy_is_no_more_readable_than_its_original_and_than_what_it_replaces() {
    let here = tempfile::tempdir().unwrap();
    let at = |name: &str| here.path().join(name);
    let has = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o777;
    fs::write(at("mine.cfg"), "vncpasswd='secret'").unwrap();
    for (original, before, after) in [
        (0o644, None, 0o644),
        (0o755, None, 0o644),
        (0o600, None, 0o600),
        (0o640, None, 0o640),
        (0o644, Some(0o600), 0o600),
        (0o600, Some(0o644), 0o600),
        (0o400, None, 0o600),
    ] {
        let _ = fs::remove_file(at("g.cfg"));
        fs::set_permissions(at("mine.cfg"), fs::Permissions::from_mode(original)).unwrap();
        if let Some(mode) = before {
            fs::write(at("g.cfg"), "").unwrap();
            fs::set_permissions(at("g.cfg"), fs::Permissions::from_mode(mode)).unwrap();
        }
        let (path, text) = (at("g.cfg"), "vncpasswd='secret'\nvtpm=[]".into());
        let copy = File { path, text, kind: "guest", copy_of: Some(at("mine.cfg")), remark: None };
        write(&[copy], true).unwrap();
        assert_eq!(has("g.cfg"), after, "{original:o} {before:?}");
    }
}

#[test]
fn a_manager_s_file_with_a_secret_is_root_s_alone() {
    let here = tempfile::tempdir().unwrap();
    for (words, mode) in [
        ("tpm2", 0o644),
        ("owner_auth=well-known srk_auth=well-known", 0o644),
        ("tpm2 owner_auth=text:secret", 0o600),
        ("srk_auth=hash:0123", 0o600),
    ] {
        let (path, text) = (here.path().join("vtpmmgr.cfg"), format!("extra = \"{words}\"\n"));
        let file = File { path: path.clone(), text, kind: "manager", copy_of: None, remark: None };
        let _ = fs::remove_file(&path);
        write(&[file], true).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{words}");
    }
}
