//! A manager's file that is there already, and stays.

use crate::wanted::{Text, Wanted};
use anyhow::{Result, anyhow};
use libxl_vtpm::text::settings;
use std::path::Path;
use tpm_hw::{Driver, HardwareArguments};

/// Sees that a manager's file says of the hardware TPM what was asked for, if anything was.
///
/// # Errors
/// It says something else, or it cannot be read.
pub(crate) fn agrees(wanted: &Wanted, asked: Option<&Text>, file: &Path) -> Result<()> {
    let Some(asked) = asked else { return Ok(()) };
    let there = hardware(file)?;
    if there == asked.get_ref() {
        return Ok(());
    }
    let has = match there {
        "none" => "no hardware TPM (hwtpm=none)".into(),
        version => format!("a TPM {version} in hardware"),
    };
    let told = format!(
        "{} is there, has {has}, and stays as it is, so --hardware {} would change nothing; leave \
         --hardware out, or, before that manager's first start, remove the file and type this again (after \
         it the store has to be brought over by its recovery key: vtpmmgr-ctl(8))",
        file.display(),
        asked.get_ref()
    );
    Err(wanted.error(asked.span(), told))
}

/// `2.0`, `1.2` or `none`, by the words of its command line.
fn hardware(file: &Path) -> Result<&'static str> {
    let text = crate::files::text(file, "remove it, or write elsewhere with --output")?;
    let found = settings(&text).map_err(|why| anyhow!("{}:{why}", file.display()))?;
    let extra = found.text("extra").unwrap_or_default();
    let mut read = HardwareArguments::default();
    for word in extra.split_whitespace() {
        read.take(word).map_err(|why| anyhow!("{}: {why}; correct extra=", file.display()))?;
    }
    Ok(match (read.driver, read.tpm2) {
        (Driver::None, _) => "none",
        (_, true) => "2.0",
        (_, false) => "1.2",
    })
}

#[test]
fn words_that_a_file_adds_to_its_line_count_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (text, has) in [
        ("extra='tpm2'\nextra += ' loglevel=debug'\n", "2.0"),
        ("extra='tpm2'\nextra='loglevel=debug'\n", "1.2"),
        ("extra += 'hwtpm=none'\n", "none"),
    ] {
        std::fs::write(file.path(), text).unwrap();
        assert_eq!(hardware(file.path()).unwrap(), has, "{text}");
    }
}
