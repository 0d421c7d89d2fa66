//! One proof for each claim of the guest runtime.

mod cpu;
mod crowd;
mod disk;
mod fatal;
mod heap;
mod output;
mod pair;
mod quotas;
mod store;
mod time;

use alloc::string::String;
use domain_io::Xenstore;
use xen_guest::Domain;

/// What did not hold.
type Outcome = Result<(), String>;

/// `Err` with a text unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(alloc::format!($($text)+));
        }
    };
}
use ensure;

/// Runs the proofs named in `names`, in order, and says at the end that it is done: on the console
/// and, for proofs about the console, in the node `data/hello`.
pub(crate) fn run(domain: &mut Domain, names: &str) {
    let mut failed = 0;
    for name in names.split(',') {
        match prove(domain, name) {
            Ok(()) => log::info!("TEST ok {name}"),
            Err(why) => {
                failed += 1;
                log::error!("TEST failed {name}: {why}");
            }
        }
    }
    let verdict = if failed == 0 { "ok" } else { "failed" };
    log::info!("TESTS {verdict}");
    if let Err(error) = domain.store.write("data/hello", verdict) {
        log::error!("the verdict could not be written: {error}");
    }
}

fn prove(domain: &mut Domain, name: &str) -> Outcome {
    match name {
        "flood" => output::flood(domain),
        "levels" => output::levels(domain),
        "command-line" => output::command_line(domain),
        "store" => store::nodes(domain),
        "watch" => store::watches(domain),
        "heap" => heap::blocks(domain),
        "memory" => heap::figures(domain),
        "clock" => time::clock(domain),
        "wait" => time::many_ports(domain),
        "entropy" => cpu::entropy(domain),
        "no-entropy" => cpu::no_entropy(domain),
        "c-code" => cpu::ground_for_c_code(),
        "disk" => disk::write_and_read(domain),
        "disk-read-only" => disk::read_only(domain),
        "disk-missing" => disk::missing(domain),
        "pair-front" => pair::front(domain),
        "pair-back" => pair::back(domain),
        "crowd" => crowd::many_vtpms(domain),
        "quotas" => quotas::reach_them(domain),
        other => fatal::provoke(other),
    }
}

/// The number after `name=` on the command line.
fn number(domain: &Domain, name: &str) -> Result<u32, String> {
    let value = domain.command_line.value(name);
    let value = value.ok_or_else(|| alloc::format!("the command line lacks {name}="))?;
    value.parse().map_err(|_| alloc::format!("{name}={value} is no number"))
}
