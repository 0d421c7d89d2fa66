//! What a figure is worth nothing without.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Processor, load, engine, profile: one per line.
pub(crate) fn lines(quick: bool) -> String {
    let mut text = String::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let _ = writeln!(text, "\nprocessor: {} ({cores} in use)", processor());
    let _ = writeln!(text, "load average: {}", first_line("/proc/loadavg"));
    let _ = writeln!(text, "engine: {}", engine());
    let _ = writeln!(text, "repetitions: {}", if quick { "few (--quick)" } else { "full" });
    text
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or("unknown".into(), |(_, name)| name.into())
}

fn first_line(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").into()
}

/// What `./x native` says about the archives that this program is linked with.
fn engine() -> String {
    let folder = std::env::var_os("VTPM_NATIVE").unwrap_or_default();
    let manifest = fs::read_to_string(Path::new(&folder).join("manifest.txt")).unwrap_or_default();
    let of = |name: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or("unknown").trim().to_owned()
    };
    format!("{}, {}", of("libtpms:"), of("libcrypto:"))
}
