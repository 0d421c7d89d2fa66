//! What a manager with ten, a thousand, 20,000 and 50,000 vTPMs costs.

use crate::crowd::{self, Opened, Ready};
use anyhow::{Context, Result, anyhow, bail, ensure};
use domain_io::DomainId;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tpm_wire::manager::{Command, List};
use tpmif::nodes::DeviceId;
use vtpm_manager::Reply;

/// What to call these rows on the command line.
pub(crate) const NAME: &str = "scale";

/// How many vTPMs, and their endorsement keys: a store takes 25,900 records with RSA-2048 keys and
/// 118,000 in which a key is named only (docs/formats/manager-store.md, "Size").
const SIZES: [(u64, &[u8]); 5] =
    [(10, &[5; 294]), (1_000, &[5; 294]), (20_000, &[5; 294]), (20_000, &[]), (50_000, &[])];

/// Domain 0, which asks for lists.
const DOM0: DeviceId = DeviceId { frontend: DomainId(0), device: 0 };

/// One size.
pub(crate) struct Scale {
    vtpms: u64,
    keys: bool,
    opened: Opened,
    save: Duration,
    list: Duration,
    bytes: u64,
}

/// Makes a store of each size below `folder` and measures. `quick` leaves out the large ones.
pub(crate) fn measure(folder: &Path, quick: bool) -> Result<Vec<Scale>> {
    let folder = tempfile::tempdir_in(folder).context("no temporary folder")?;
    let few = |(vtpms, _): &&(u64, &[u8])| !quick || *vtpms <= 1_000;
    let one = |(vtpms, key): &(u64, &[u8])| {
        eprintln!("measuring {NAME}: {vtpms} vTPMs");
        let path = folder.path().join(format!("{vtpms}-{}.img", key.len()));
        crowd::fill(&path, *vtpms, key)?;
        size(&path, *vtpms, !key.is_empty(), quick)
    };
    SIZES.iter().filter(few).map(one).collect()
}

fn size(path: &Path, vtpms: u64, keys: bool, quick: bool) -> Result<Scale> {
    let opened = crowd::openings(path, quick)?;
    let bytes = crowd::bytes_in_use(path)?;
    let mut ready = Ready::open(&(path.into(), vtpms))?;
    let turns = if quick { 2 } else { 10 };
    let saves: Vec<Duration> = (0..turns).map(|_| ready.turn()).collect::<Result<_>>()?;
    let lists: Vec<Duration> = (0..3).map(|_| list(&mut ready, vtpms)).collect::<Result<_>>()?;
    let least = |times: Vec<Duration>| times.into_iter().min().unwrap_or_default();
    Ok(Scale { vtpms, keys, opened, save: least(saves), list: least(lists), bytes })
}

/// How long it takes to list them all, as many at a time as fit an answer.
fn list(ready: &mut Ready, vtpms: u64) -> Result<Duration> {
    let (start, mut after, mut listed) = (Instant::now(), None, 0);
    loop {
        let ask = Command::List { after, most: u16::MAX }.packet();
        let part = match ready.manager.request(DOM0, &ask, Duration::ZERO) {
            Reply::Now(answer) => List::of_answer(&answer).map_err(|why| anyhow!("{why}"))?,
            other => bail!("the manager answered {other:?}"),
        };
        listed += part.entries.len() as u64;
        after = part.entries.last().map(|entry| entry.uuid);
        if !part.more {
            ensure!(listed == vtpms, "{listed} of {vtpms} vTPMs were listed");
            return Ok(start.elapsed());
        }
    }
}

/// One line for each size, under a line of titles; nothing when nothing was measured.
pub(crate) fn table(rows: &[Scale]) -> String {
    let mut text = String::new();
    if !rows.is_empty() {
        text += "\na manager with    RSA-2048 keys    opening       memory  a save, alone  a list of all      disk   measured by\n";
    }
    for row in rows {
        let _ = writeln!(
            text,
            "{:>7} vTPMs    {:<13} {:>7.2} ms  {:>7} KiB  {:>10.2} ms  {:>10.2} ms  {:>5.1} MiB   ./x bench {NAME}",
            row.vtpms,
            if row.keys { "kept" } else { "named only" },
            millis(row.opened.took),
            row.opened.resident_kib,
            millis(row.save),
            millis(row.list),
            row.bytes as f64 / f64::from(1 << 20),
        );
    }
    text
}

/// One object per size; times in seconds.
pub(crate) fn json(rows: &[Scale]) -> String {
    let line = |row: &Scale| {
        format!(
            "{{\"row\":\"{NAME}\",\"vtpms\":{},\"keys\":{},\"open\":{},\"kib\":{},\"save\":{},\"list\":{},\"bytes\":{}}}\n",
            row.vtpms,
            row.keys,
            row.opened.took.as_secs_f64(),
            row.opened.resident_kib,
            row.save.as_secs_f64(),
            row.list.as_secs_f64(),
            row.bytes,
        )
    };
    rows.iter().map(line).collect()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
