//! Consoles of pseudo terminals, as xenconsoled has them.

use super::*;
use rustix::fs::{FlockOperation, flock};
use rustix::io::write;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::fs;
use std::os::fd::OwnedFd;

/// xenconsoled's end of a terminal, and the terminal's path.
fn terminal() -> (OwnedFd, PathBuf) {
    let daemon = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&daemon).unwrap();
    unlockpt(&daemon).unwrap();
    let mut raw = tcgetattr(&daemon).unwrap();
    raw.make_raw();
    tcsetattr(&daemon, OptionalActions::Now, &raw).unwrap();
    let path = ptsname(&daemon, Vec::new()).unwrap();
    (daemon, path.into_string().unwrap().into())
}

fn wanted(name: &str, terminal: &Path) -> All {
    [(5, Wanted { name: name.into(), terminal: terminal.to_owned(), daemon: 1 })].into()
}

struct Case {
    folder: tempfile::TempDir,
    keeper: Keeper,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(&folder.path().join("kept"), folder.path());
        Self { folder, keeper }
    }

    fn text(&self, name: &str) -> String {
        let file = crate::consoles::file(&self.folder.path().join("kept"), name);
        fs::read_to_string(file).unwrap_or_default()
    }
}

#[test]
fn what_was_written_before_and_after_is_kept_under_its_domain_s_number() {
    let (daemon, path) = terminal();
    let mut case = Case::new();
    let wanted = wanted("v", &path);
    case.keeper.turn(&wanted);
    write(&daemon, b"INFO: one\r\n").unwrap();
    case.keeper.turn(&wanted);
    write(&daemon, b"INFO: two\r\n").unwrap();
    case.keeper.turn(&wanted);
    assert_eq!(case.text("v"), "[domain 5]\nINFO: one\r\nINFO: two\r\n");
}

#[test]
fn the_last_words_are_kept_of_one_that_is_not_wanted_any_more() {
    let (daemon, path) = terminal();
    let mut case = Case::new();
    case.keeper.renew(&wanted("v", &path));
    write(&daemon, b"last\n").unwrap();
    case.keeper.renew(&All::new());
    assert!(case.text("v").ends_with("last\n"), "{}", case.text("v"));
    assert!(case.keeper.open.is_empty());
}

#[test]
fn a_terminal_whose_other_end_is_gone_costs_nothing_and_is_not_opened_again() {
    let (daemon, path) = terminal();
    let mut case = Case::new();
    let mut wanted = wanted("v", &path);
    case.keeper.renew(&wanted);
    drop(daemon);
    case.keeper.turn(&wanted);
    let (daemon, path) = terminal();
    write(&daemon, b"again\n").unwrap();
    let before = std::time::Instant::now();
    case.keeper.turn(&wanted);
    case.keeper.turn(&wanted);
    assert!(before.elapsed() >= LOOK, "it waits instead of asking again and again");
    assert_eq!(case.text("v"), "", "a terminal of the same name may be anybody's");
    wanted.get_mut(&5).unwrap().terminal = path;
    wanted.get_mut(&5).unwrap().daemon = 2;
    case.keeper.turn(&wanted);
    assert_eq!(case.text("v"), "[domain 5]\nagain\n");
}

#[test]
fn a_console_that_somebody_looks_at_is_left_to_them() {
    let (daemon, path) = terminal();
    let mut case = Case::new();
    let lock = fs::File::create(case.folder.path().join("xenconsole.5")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    write(&daemon, b"theirs\n").unwrap();
    case.keeper.turn(&wanted("v", &path));
    assert_eq!(case.text("v"), "");
    drop(lock);
    case.keeper.turn(&wanted("v", &path));
    let (before, kept) = (case.text("v"), "meanwhile]\ntheirs\n");
    assert!(before.ends_with(kept), "{before}");
}

#[test]
fn only_the_last_of_a_long_console_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = file::Kept::new(folder.path(), "v");
    for number in 0..40 {
        kept.append(format!("{number}{}\n", "x".repeat(32 << 10)).as_bytes());
    }
    let file = crate::consoles::file(folder.path(), "v");
    let older = fs::read_to_string(crate::consoles::older(&file)).unwrap();
    let newer = fs::read_to_string(&file).unwrap();
    assert!(newer.lines().last().unwrap().starts_with("39x"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    let most = 2 * (file::FULL + (33 << 10));
    assert!((older.len() + newer.len()) as u64 <= most);
    assert!(older.len() as u64 >= file::FULL, "there is always that much");
}

#[test]
fn a_name_that_is_no_file_s_is_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    file::Kept::new(folder.path(), "../v").append(b"x");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
