//! How many machines this host can run at a time.

use std::fs;
use std::num::NonZero;
use std::thread;

/// What one machine takes of the host, its disks in memory included.
const KIB_OF_A_MACHINE: u64 = 2_500_000;

/// A processor for each machine, which has one itself, and memory for all of them.
pub fn that_fit() -> usize {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    fitting(thread::available_parallelism().map_or(1, NonZero::get), &memory)
}

/// Of a /proc/meminfo that says nothing, one machine is expected to fit.
fn fitting(processors: usize, meminfo: &str) -> usize {
    let available = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = available.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    let machines = kib.unwrap_or(0) / KIB_OF_A_MACHINE;
    processors.min(usize::try_from(machines).unwrap_or(usize::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::fitting;

    #[test]
    fn processors_and_memory_both_bound_the_machines() {
        assert_eq!(fitting(2, "MemTotal: 9 kB\nMemAvailable:   24000000 kB\n"), 2);
        assert_eq!(fitting(64, "MemAvailable:   24000000 kB\n"), 9);
        assert_eq!(fitting(64, "MemAvailable: 1000 kB\n"), 1);
        assert_eq!(fitting(64, ""), 1);
    }
}
