//! What a person at dom0's shell gets to see of the script's port: everything between the markers
//! of start and end, as it arrives, without the markers.

/// How every marker begins.
const MARK: &[u8] = b"LAB-";

/// The marker after which output is the script's.
const START: &[u8] = b"LAB-MARK script-start";

/// Sorts bytes into shown and hidden ones.
#[derive(Default)]
pub(super) struct Echo {
    started: bool,
    /// The current line so far, while it may still turn out to be a marker.
    held: Vec<u8>,
    /// Whether the current line is known not to be a marker.
    plain: bool,
}

impl Echo {
    /// The part of these bytes that is to be shown.
    pub(super) fn shown(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for byte in bytes {
            self.byte(*byte, &mut out);
        }
        out
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        if self.plain {
            out.push(byte);
        } else {
            self.held.push(byte);
            let marker = self.held.starts_with(MARK) || MARK.starts_with(&self.held);
            if self.started && !marker {
                out.append(&mut self.held);
                self.plain = true;
            }
        }
        if byte == b'\n' {
            self.started |= self.held.starts_with(START);
            self.held.clear();
            self.plain = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_shell_prints_is_shown_and_a_prompt_at_once() {
        let mut echo = Echo::default();
        assert!(echo.shown(b"noise\nLAB-MARK init up=1\nLAB-MARK script-start up=2\n").is_empty());
        assert_eq!(echo.shown(b"# "), b"# ");
        assert_eq!(echo.shown(b"ls\r\nLABEL\n"), b"ls\r\nLABEL\n");
        assert!(echo.shown(b"LAB-MARK script-end rc=0\nLAB-EX").is_empty());
    }
}
