//! A file tree being put together for an image, in memory: names to sources.

use super::cpio::{self, Writer};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

enum Node {
    Directory(u32),
    File(u32, Source),
    Link(String),
    Device(u32, (u32, u32)),
}

enum Source {
    Disk(PathBuf),
    Bytes(Vec<u8>),
}

/// Paths are relative to the image's root, without a leading slash.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
    /// Folders that files are read from when the tree is written.
    stages: Vec<TempDir>,
}

impl Tree {
    pub(super) fn directory(&mut self, path: &str) {
        self.nodes.insert(path.into(), Node::Directory(0o755));
    }

    pub(super) fn text(&mut self, path: &str, mode: u32, text: impl Into<Vec<u8>>) {
        self.nodes.insert(path.into(), Node::File(mode, Source::Bytes(text.into())));
    }

    pub(super) fn link(&mut self, path: &str, target: &str) {
        self.nodes.insert(path.into(), Node::Link(target.into()));
    }

    /// What the kernel needs before it can mount anything.
    pub(super) fn first_devices(&mut self) {
        self.nodes.insert("dev/console".into(), Node::Device(0o600, (5, 1)));
        self.nodes.insert("dev/null".into(), Node::Device(0o666, (1, 3)));
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.nodes.contains_key(path)
    }

    /// Adds one file from disk, whatever links lead to it.
    pub(super) fn file(&mut self, path: &str, from: &Path) -> Result<()> {
        let real =
            fs::canonicalize(from).with_context(|| format!("cannot find {}", from.display()))?;
        let mode = real.metadata()?.permissions().mode() & 0o7777;
        self.nodes.insert(path.into(), Node::File(mode, Source::Disk(real)));
        Ok(())
    }

    /// Adds everything below `root/path` whose path `wanted` accepts.
    pub(super) fn below(
        &mut self,
        root: &Path,
        path: &str,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        let folder = root.join(path);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let inner = if path.is_empty() { name } else { format!("{path}/{name}") };
            if wanted(&inner) {
                self.add(root, &inner, &entry, wanted)?;
            }
        }
        Ok(())
    }

    /// Adds everything below a temporary folder's `path`, and keeps the folder until it is written.
    pub(super) fn staged(&mut self, stage: TempDir, path: &str) -> Result<()> {
        self.below(stage.path(), path, &|_| true)?;
        self.stages.push(stage);
        Ok(())
    }

    fn add(
        &mut self,
        root: &Path,
        path: &str,
        entry: &fs::DirEntry,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            self.link(path, &target.to_string_lossy());
        } else if kind.is_dir() {
            let mode = entry.metadata()?.permissions().mode() & 0o7777;
            self.nodes.insert(path.into(), Node::Directory(mode));
            self.below(root, path, wanted)?;
        } else if kind.is_file() {
            let mode = entry.metadata()?.permissions().mode() & 0o7777;
            self.nodes.insert(path.into(), Node::File(mode, Source::Disk(entry.path())));
        }
        Ok(())
    }

    /// Writes the tree as an initramfs; `file` appears only when it is complete.
    pub(super) fn write(mut self, file: &Path) -> Result<()> {
        self.add_parents();
        let partial = file.with_extension("partial");
        let out = BufWriter::with_capacity(1 << 20, File::create(&partial)?);
        self.write_to(out).with_context(|| format!("cannot write {}", partial.display()))?;
        fs::rename(partial, file)?;
        Ok(())
    }

    fn add_parents(&mut self) {
        let paths: Vec<_> = self.nodes.keys().cloned().collect();
        for path in paths {
            for (end, _) in path.match_indices('/') {
                self.nodes.entry(path[..end].to_owned()).or_insert(Node::Directory(0o755));
            }
        }
    }

    fn write_to(&self, out: impl Write) -> Result<()> {
        let mut archive = Writer::new(out);
        for (path, node) in &self.nodes {
            let no = (0, 0);
            match node {
                Node::Directory(mode) => archive.entry(path, cpio::DIRECTORY | mode, no, &[])?,
                Node::Link(target) => {
                    archive.entry(path, cpio::LINK | 0o777, no, target.as_bytes())?
                }
                Node::Device(mode, numbers) => {
                    archive.entry(path, cpio::CHARACTER_DEVICE | mode, *numbers, &[])?;
                }
                Node::File(mode, Source::Bytes(bytes)) => {
                    archive.entry(path, cpio::REGULAR | mode, no, bytes)?
                }
                Node::File(mode, Source::Disk(from)) => {
                    let bytes = fs::read(from)
                        .with_context(|| format!("cannot read {}", from.display()))?;
                    archive.entry(path, cpio::REGULAR | mode, no, &bytes)?;
                }
            }
        }
        archive.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_stand_before_what_they_hold_even_when_nobody_named_them() {
        let mut tree = Tree::default();
        tree.text("a/b/c", 0o644, "x");
        tree.add_parents();
        assert_eq!(tree.nodes.keys().collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
    }

    #[test]
    fn what_is_not_wanted_stays_out_with_all_below_it() {
        let disk = tempfile::tempdir().unwrap();
        fs::create_dir_all(disk.path().join("usr/share/doc/x")).unwrap();
        fs::write(disk.path().join("usr/share/doc/x/y"), "").unwrap();
        fs::write(disk.path().join("usr/z"), "").unwrap();
        let mut tree = Tree::default();
        tree.below(disk.path(), "", &|path| path != "usr/share/doc").unwrap();
        assert!(tree.has("usr/z") && tree.has("usr/share"));
        assert!(!tree.has("usr/share/doc") && !tree.has("usr/share/doc/x/y"));
    }
}
