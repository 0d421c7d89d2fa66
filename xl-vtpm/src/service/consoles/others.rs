//! Whether somebody shows a domain's console by `xl console`. Both would get a part of the text each; so the
//! service waits. xenconsole(1) holds a lock meanwhile. Trying to take it could make xenconsole give
//! up; the kernel's list of locks tells without (proc(5), /proc/locks).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whether another process shows this console.
pub(super) fn reads(locks: &Path, domid: u32) -> bool {
    let Ok(file) = fs::metadata(locks.join(format!("xenconsole.{domid}"))) else { return false };
    fs::read_to_string("/proc/locks").is_ok_and(|list| is_listed(&list, file.ino()))
}

/// Whether a lock on a file of this number is held. Files of other file systems may have the same
/// number: then the console is left alone for nothing, and read once that lock is gone.
fn is_listed(list: &str, inode: u64) -> bool {
    let files = list.lines().filter_map(|line| line.split_whitespace().nth(5));
    let mut inodes = files.filter_map(|file| file.rsplit(':').next());
    inodes.any(|number| number.parse() == Ok(inode))
}

#[test]
fn a_lock_is_found_by_its_file() {
    let list = "1: FLOCK  ADVISORY  WRITE 812 00:1a:1207 0 EOF\n\
                2: POSIX  ADVISORY  READ 77 fd:01:394312 4 4\n";
    assert!(is_listed(list, 1207) && is_listed(list, 394_312));
    assert!(!is_listed(list, 7) && !is_listed(list, 812) && !is_listed("", 1207));
}
