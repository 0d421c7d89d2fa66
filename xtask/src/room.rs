//! Room on the disk that `target/` lies on.

use crate::steps;
use std::process::Command;

const KIB_PER_GB: u64 = 1_000_000_000 / 1024;

/// Says so where there is less room than a first run takes. What earlier runs left is not counted, so this is no error.
pub(crate) fn look(needed_gb: u64) {
    // It may not be there yet.
    let folder = steps::target();
    let there = folder.ancestors().find(|folder| folder.exists());
    let said = Command::new("df").arg("-Pk").args(there).output();
    let free = said.ok().and_then(|output| free_kib(&String::from_utf8_lossy(&output.stdout)));
    if let Some(free) = free.map(|kib| kib / KIB_PER_GB).filter(|free| *free < needed_gb) {
        eprintln!(
            "x: {free} GB are free below {}, and a first run takes {needed_gb}: make room, or name another folder by \
             CARGO_TARGET_DIR",
            folder.display()
        );
    }
}

/// Of one line below the heads, in the form that POSIX gives `df -P`.
fn free_kib(said: &str) -> Option<u64> {
    said.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

#[test]
fn what_is_free_is_the_fourth_column() {
    let said = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 264212084 56025276 39260612 59% /\n";
    assert_eq!(free_kib(said), Some(39_260_612));
    assert_eq!(free_kib(""), None);
}
