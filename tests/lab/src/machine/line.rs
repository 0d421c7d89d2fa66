//! Lines as they arrive on the machine's serial ports.

use std::time::Instant;

/// A serial port of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// COM1: Xen and dom0's kernel.
    Console,
    /// COM2: markers and the script's output.
    Script,
}

/// One line, without its end.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) at: Instant,
    pub(crate) port: Port,
    pub(crate) line: String,
}

/// What waiting for an event gave.
pub(crate) enum Next {
    Event(Event),
    Nothing,
    End,
}

/// Cuts a byte stream into lines.
#[derive(Default)]
pub(super) struct Cutter(Vec<u8>);

impl Cutter {
    /// The lines that these bytes complete.
    pub(super) fn lines(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.extend_from_slice(bytes);
        let Some(end) = self.0.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let rest = self.0.split_off(end + 1);
        let whole = std::mem::replace(&mut self.0, rest);
        let text = String::from_utf8_lossy(&whole);
        text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
    }

    /// What is left without an end.
    pub(super) fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_the_bytes_arrive() {
        let mut cutter = Cutter::default();
        assert!(cutter.lines(b"on").is_empty());
        assert_eq!(cutter.lines(b"e\r\ntwo\nthr"), ["one", "two"]);
        assert_eq!(cutter.rest().as_deref(), Some("thr"));
        assert_eq!(cutter.rest(), None);
    }
}
