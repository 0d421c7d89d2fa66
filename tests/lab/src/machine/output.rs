//! The output disk: dom0's report. First sector `LABOUT1 EXIT-CODE BYTES RAN`, a tar from byte 4096.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Reads the report: the script's exit code. What it left is put into `folder`.
///
/// # Errors
/// dom0 gave no report, or could not start the script.
pub(crate) fn read(disk: &Path, folder: Option<&Path>) -> Result<u8> {
    let mut file = File::open(disk)?;
    let mut first = [0; 512];
    file.read_exact(&mut first)?;
    let text = String::from_utf8_lossy(&first);
    let report = parse(&text).context("dom0 gave no report")?;
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
        file.seek(SeekFrom::Start(4096))?;
        let mut archive = tar::Archive::new(file.take(report.bytes));
        archive.set_preserve_permissions(false);
        archive
            .unpack(folder)
            .with_context(|| format!("cannot unpack into {}", folder.display()))?;
    }
    if !report.ran {
        bail!("dom0 could not start the script: {}", why(report.code));
    }
    Ok(report.code)
}

struct Report {
    code: u8,
    bytes: u64,
    ran: bool,
}

fn parse(text: &str) -> Option<Report> {
    let mut words = text.lines().next()?.split_whitespace();
    if words.next()? != "LABOUT1" {
        return None;
    }
    let (code, bytes) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Report { code, bytes, ran: words.next()? == "1" })
}

/// The codes of dom0's start-up script (dom0/init).
fn why(code: u8) -> &'static str {
    match code {
        90 => "the xenstore daemon did not start",
        91 => "xen-init-dom0 failed",
        92 => "xenconsoled did not start",
        93 => "there was no input disk",
        94 => "the input could not be unpacked (dom0 may be short of memory)",
        95 => "the disk that lives over several boots could not be mounted",
        _ => "for a reason unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_and_a_blank_disk_is_none() {
        let report = parse("LABOUT1 5 10240 1\n\0\0").unwrap();
        assert_eq!((report.code, report.bytes, report.ran), (5, 10240, true));
        assert!(parse("\0\0\0").is_none());
    }
}
