//! Serial logs, always kept: `target/lab/logs/NAME.log`, the newest of them.

use crate::machine::{Event, Port};
use crate::place::Place;
use anyhow::{Context, Result};
use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How many are kept.
const KEPT: usize = 200;

/// One run's log.
pub struct Log {
    began: Instant,
    file: RefCell<BufWriter<File>>,
    /// Where it is.
    pub path: PathBuf,
    talkative: bool,
}

impl Log {
    /// Begins a log in `at`, or in the lab's own folder under a name made of `name` and the time.
    /// A talkative log repeats its notes to stderr.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begin(place: &Place, at: Option<&Path>, name: &str, talkative: bool) -> Result<Self> {
        let path = match at {
            Some(path) => path.to_owned(),
            None => kept_file(place, name)?,
        };
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let file = RefCell::new(BufWriter::new(file));
        Ok(Self { began: Instant::now(), file, path, talkative })
    }

    /// Seconds since the log began.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// The lab's own words.
    pub fn note(&self, text: &str) {
        let line = format!("[{:7.2}] lab: {text}", self.seconds());
        if self.talkative {
            eprintln!("{line}");
        }
        self.line(&line);
    }

    pub(crate) fn event(&self, event: &Event) {
        let port = match event.port {
            Port::Console => "xen",
            Port::Script => "dom0",
        };
        let at = event.at.duration_since(self.began).as_secs_f64();
        self.line(&format!("[{at:7.2}] {port}: {}", event.line));
    }

    /// A log that cannot be written must not end the run it tells of.
    fn line(&self, line: &str) {
        let mut file = self.file.borrow_mut();
        let _full_disk = writeln!(file, "{line}").and_then(|()| file.flush());
    }
}

fn kept_file(place: &Place, name: &str) -> Result<PathBuf> {
    let folder = place.lab.join("logs");
    fs::create_dir_all(&folder)?;
    forget_old(&folder)?;
    let time = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(folder.join(format!(
        "{}.{:03}-{}-{name}.log",
        time.as_secs(),
        time.subsec_millis(),
        std::process::id()
    )))
}

fn forget_old(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().rev().skip(KEPT) {
        let _removed_by_another_run = fs::remove_file(file);
    }
    Ok(())
}
