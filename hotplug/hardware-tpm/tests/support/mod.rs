//! Trees of `sys`, `proc` and `etc`, and a stand-in for the kernel behind them.
#![allow(dead_code, reason = "each test program uses a part of it")]

use hardware_tpm::Roots;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;

/// A tree in a folder of its own.
pub(crate) struct Tree {
    folder: TempDir,
}

impl Tree {
    /// A machine that was captured (trees/README.md).
    pub(crate) fn captured(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees").join(name);
        Self::of(&fs::read_to_string(&file).unwrap())
    }

    /// A captured machine on which no program has the TPM open.
    pub(crate) fn unused(name: &str) -> Self {
        let tree = Self::captured(name);
        fs::remove_dir_all(tree.path("proc")).unwrap();
        tree
    }

    /// A machine written down in capture.sh's format.
    pub(crate) fn of(text: &str) -> Self {
        let tree = Self { folder: TempDir::new().unwrap() };
        tree.add(text);
        tree
    }

    /// More of the same format.
    pub(crate) fn add(&self, text: &str) {
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let (kind, rest) = line.split_once(' ').unwrap_or_else(|| panic!("line: {line}"));
            let (path, value) = rest.split_once(' ').unwrap_or((rest, ""));
            let path = self.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match kind {
                // Seen a second time through another link.
                "link" if path.is_symlink() => {}
                "link" => symlink(value, &path).unwrap(),
                "hex" => fs::write(&path, bytes(value)).unwrap(),
                "file" => {
                    let mut content = String::new();
                    while let Some(line) = lines.next_if(|line| line.starts_with("| ")) {
                        content += &line[2..];
                        content.push('\n');
                    }
                    fs::write(&path, content).unwrap();
                }
                other => panic!("kind {other}"),
            }
        }
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::at(self.folder.path())
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Has somebody who acts as the kernel does: a device that is written to `unbind` loses its
    /// driver and its TPM, one that is written to `bind` gets them back.
    pub(crate) fn kernel(&self) -> Kernel {
        let (top, stop) = (self.folder.path().to_path_buf(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut away = None;
            while !told.load(Ordering::Relaxed) {
                act(&top, &mut away);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Kernel { stop, thread: Some(thread) }
    }
}

/// The stand-in; it stops when this is dropped.
pub(crate) struct Kernel {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A link that was taken away, and what it pointed to.
type Link = (PathBuf, PathBuf);

fn act(top: &Path, away: &mut Option<(PathBuf, Vec<Link>)>) {
    for driver in drivers(top) {
        let Some(device) = taken(&driver.join("unbind")) else { continue };
        let target = fs::canonicalize(driver.join(&device)).unwrap();
        let class = fs::read_dir(top.join("sys/class/tpm")).unwrap().flatten();
        let chips = class.map(|entry| entry.path());
        let ours = chips.filter(|chip| fs::canonicalize(chip).unwrap().starts_with(&target));
        let links = ours.chain([target.join("driver"), driver.join(&device)]).map(|link| {
            let to = fs::read_link(&link).unwrap();
            fs::remove_file(&link).unwrap();
            (link, to)
        });
        *away = Some((driver, links.collect()));
    }
    let Some((driver, links)) = away else { return };
    if taken(&driver.join("bind")).is_some() {
        links.drain(..).rev().for_each(|(link, to)| symlink(to, link).unwrap());
        *away = None;
    }
}

fn drivers(top: &Path) -> Vec<PathBuf> {
    let buses = fs::read_dir(top.join("sys/bus")).unwrap().flatten();
    let folders = buses.map(|bus| bus.path().join("drivers")).filter(|folder| folder.is_dir());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap().flatten()).map(|d| d.path()).collect()
}

/// What was written to one of the two files, once.
fn taken(file: &Path) -> Option<String> {
    let written = fs::read_to_string(file).ok().filter(|text| !text.trim().is_empty())?;
    fs::write(file, "").unwrap();
    Some(written.trim().to_string())
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// A table `TPM2` in hexadecimal with this start method and control area.
pub(crate) fn tpm2(start_method: u32, control_area: u64) -> String {
    let mut table = b"TPM2".to_vec();
    table.extend(52u32.to_le_bytes());
    table.resize(40, 0);
    table.extend(control_area.to_le_bytes());
    table.extend(start_method.to_le_bytes());
    table[9] = table.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    table.iter().map(|byte| format!("{byte:02x}")).collect()
}
