//! What of the driver's page Linux lets a program of root's touch without a driver of its own.

use std::fs::{File, OpenOptions};
use std::io::Error;
use std::os::unix::fs::FileExt;

/// A place in ordinary memory, above what /dev/mem is for.
const SOMEWHERE: u64 = 32 << 20;

/// One line for a report.
pub(crate) fn what_linux_allows() -> String {
    ["/dev/mem", "/dev/kmem", "/proc/kcore"]
        .map(|path| format!("{path}: {}", tried(path)))
        .join("; ")
}

fn tried(path: &str) -> String {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) => return format!("not opened for writing ({error})"),
    };
    let mut byte = [0];
    let read = file.read_at(&mut byte, SOMEWHERE);
    format!("opened; a read {}; a write {}", said(read), said(written(&file, byte)))
}

/// Writes what is there already.
fn written(file: &File, byte: [u8; 1]) -> Result<usize, Error> {
    file.write_at(&byte, SOMEWHERE)
}

fn said(result: Result<usize, Error>) -> String {
    match result {
        Ok(count) => format!("gives {count} bytes"),
        Err(error) => format!("is refused ({error})"),
    }
}
