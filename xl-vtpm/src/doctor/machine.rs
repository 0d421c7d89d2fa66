//! Where the facts are read.

use crate::path::with_sbin;
use hardware_tpm::Roots;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A machine: this one, or one whose files lie below a folder.
pub(super) struct Machine {
    pub(super) root: PathBuf,
    pub(super) roots: Roots,
    /// The folder of the images.
    pub(super) images: PathBuf,
    /// What `xl info` prints; `None` when it cannot.
    xl_info: Option<String>,
}

/// `xl info` asks the hypervisor alone, which answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

impl Machine {
    /// The answers of programs are files of such a folder, too: `xl-info`.
    pub(super) fn at(root: &Path, images: &Path) -> Self {
        let roots = Roots::at(root);
        let xl_info = if roots.is_this_machine() {
            xl_info()
        } else {
            fs::read_to_string(root.join("xl-info")).ok()
        };
        let images = root.join(images.strip_prefix("/").unwrap_or(images));
        Self { root: root.to_owned(), roots, images, xl_info }
    }

    /// A file's text without blanks around it.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let bytes = fs::read(self.root.join(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    /// A line `name : value` of `xl info`.
    pub(super) fn xl_says(&self, name: &str) -> Option<&str> {
        let mut lines = self.xl_info.as_deref()?.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
    }

    /// Major and minor number of the Xen that runs.
    pub(super) fn xen(&self) -> Option<String> {
        if self.text("sys/hypervisor/type")? != "xen" {
            return None;
        }
        let number = |name| self.text(&format!("sys/hypervisor/version/{name}"));
        Some(format!("{}.{}", number("major")?, number("minor")?))
    }

    /// The command line of the first process with one of these names.
    pub(super) fn process(&self, names: &[&str]) -> Option<Vec<String>> {
        let processes = fs::read_dir(self.root.join("proc")).into_iter().flatten().flatten();
        let mut lines = processes.filter_map(|process| {
            let line = fs::read(process.path().join("cmdline")).ok()?;
            let words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
            let words = words.map(|word| String::from_utf8_lossy(word).into_owned());
            let words: Vec<String> = words.collect();
            let name = Path::new(words.first()?).file_name()?.to_str()?.to_owned();
            names.contains(&name.as_str()).then_some(words)
        });
        lines.next()
    }
}

fn xl_info() -> Option<String> {
    let xl = duct::cmd("xl", ["info"]).stdin_null().stdout_capture().stderr_null().unchecked();
    let child = with_sbin(&xl).start().ok()?;
    let start = Instant::now();
    loop {
        if let Some(done) = child.try_wait().ok()? {
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            return done.status.success().then_some(said);
        }
        if start.elapsed() > PATIENCE {
            // It has not answered; whether it can be killed changes nothing.
            let _ = child.kill();
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
