//! Whether Xen or dom0's kernel died, told from their lines on the console.

/// Xen or dom0's kernel crashed; the line that says so.
#[derive(Debug, PartialEq, Eq)]
pub struct Crash(pub String);

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the machine crashed: {}", self.0)
    }
}

impl std::error::Error for Crash {}

/// Looks at the console line by line.
#[derive(Default)]
pub(crate) struct Watch {
    /// Xen's announcement, whose reason is on the next line.
    announced: Option<String>,
}

impl Watch {
    /// Takes a line of the console; the crash as soon as all of it is known.
    pub(crate) fn line(&mut self, line: &str) -> Option<Crash> {
        let line = line.trim();
        if let Some(announced) = self.announced.take() {
            let reason = line.strip_prefix("(XEN)").unwrap_or(line).trim();
            return Some(Crash(format!("{announced} {reason}")));
        }
        if is_of_a_guest(line) {
            return None;
        }
        if let Some(at) = line.find("Panic on CPU") {
            self.announced = Some(line[at..].to_owned());
            return None;
        }
        let signs = ["Kernel panic - not syncing", "Hardware Dom0 crashed"];
        let at = signs.iter().find_map(|sign| line.find(sign))?;
        Some(Crash(line[at..].to_owned()))
    }

    /// The console ended: a crash whose reason never came.
    pub(crate) fn end(&mut self) -> Option<Crash> {
        self.announced.take().map(Crash)
    }
}

/// Xen prefixes what other domains write into its log with `(dN)`.
fn is_of_a_guest(line: &str) -> bool {
    let number = line.strip_prefix("(d").and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(number, _)| number.parse::<u16>().is_ok_and(|domain| domain > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(lines: &[&str]) -> Option<String> {
        let mut watch = Watch::default();
        let found = lines.iter().find_map(|line| watch.line(line));
        found.or_else(|| watch.end()).map(|crash| crash.0)
    }

    #[test]
    fn a_panic_of_xen_is_reported_with_the_reason_on_its_next_line() {
        let lines =
            ["(XEN) Xen call trace:", "(XEN) Panic on CPU 1:", "(XEN) FATAL TRAP: vector = 6"];
        assert_eq!(first(&lines).unwrap(), "Panic on CPU 1: FATAL TRAP: vector = 6");
        assert_eq!(first(&lines[..2]).unwrap(), "Panic on CPU 1:");
    }

    #[test]
    fn a_panic_of_dom0_is_reported_even_behind_other_words() {
        let line = "(XEN) x[    3.1] Kernel panic - not syncing: sysrq triggered crash";
        assert_eq!(first(&[line]).unwrap(), "Kernel panic - not syncing: sysrq triggered crash");
        let xen = "(XEN) Hardware Dom0 crashed: rebooting machine in 5 seconds.";
        assert!(first(&["nothing", xen]).unwrap().starts_with("Hardware Dom0 crashed"));
    }

    #[test]
    fn what_guests_write_into_xens_log_is_no_crash_of_the_machine() {
        assert_eq!(first(&["(d3) Kernel panic - not syncing: x", "(d12) Panic on CPU 0:"]), None);
        assert_eq!(first(&["(XEN) d3v0 Triple fault", "Kernel panics are rare"]), None);
    }
}
