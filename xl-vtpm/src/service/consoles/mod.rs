//! What vTPM domains and managers write to their consoles is kept by the service, where xenconsoled
//! does not (on Debian it does not): the last of it, in one pair of files for each name. A thread of its
//! own reads, since what nobody has read is lost with its domain.

mod console;
mod file;
mod others;

use console::Console;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where xenconsole(1) locks the console that it shows.
const LOCKS: &str = "/var/lock";

/// Between two looks at what is wanted, and at who else reads.
const LOOK: Duration = Duration::from_millis(500);

/// A console that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The domain's name.
    pub(super) name: String,
    /// The terminal that xenconsoled made for it.
    pub(super) terminal: PathBuf,
    /// The process that made it: another one's terminal of the same name is another.
    pub(super) daemon: u32,
}

/// Consoles by their domains' numbers.
type All = BTreeMap<u32, Wanted>;

/// The thread that reads.
pub(super) struct Consoles(Arc<Mutex<All>>);

impl Consoles {
    /// Keeps consoles in this folder, as soon as some are wanted.
    pub(super) fn into(folder: &Path) -> Self {
        let wanted = Arc::new(Mutex::new(All::new()));
        let (theirs, mut keeper) = (Arc::clone(&wanted), Keeper::new(folder, Path::new(LOCKS)));
        std::thread::spawn(move || {
            loop {
                let now = theirs.lock().unwrap_or_else(PoisonError::into_inner).clone();
                keeper.turn(&now);
            }
        });
        Self(wanted)
    }

    /// Which consoles are to be kept from now on.
    pub(super) fn want(&self, wanted: All) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = wanted;
    }
}

struct Keeper {
    folder: PathBuf,
    locks: PathBuf,
    open: BTreeMap<u32, (Wanted, Console)>,
}

impl Keeper {
    fn new(folder: &Path, locks: &Path) -> Self {
        Self { folder: folder.to_owned(), locks: locks.to_owned(), open: BTreeMap::new() }
    }

    /// Reads what there is to read of the wanted ones, or waits for it for a moment.
    fn turn(&mut self, wanted: &All) {
        self.renew(wanted);
        let mut mine = Vec::new();
        for (domid, (_, console)) in &mut self.open {
            if others::reads(&self.locks, *domid) {
                console.interrupted();
            } else {
                mine.push(console);
            }
        }
        console::read_ready(mine, LOOK);
    }

    fn renew(&mut self, wanted: &All) {
        self.open.retain(|domid, (now, console)| {
            let stays = wanted.get(domid) == Some(now);
            if !stays {
                console.read();
            }
            stays
        });
        for (domid, wanted) in wanted {
            if !self.open.contains_key(domid) {
                let file = file::Kept::new(&self.folder, &wanted.name);
                let console = Console::open(*domid, &wanted.terminal, file);
                self.open.insert(*domid, (wanted.clone(), console));
            }
        }
    }
}

#[cfg(test)]
mod tests;
