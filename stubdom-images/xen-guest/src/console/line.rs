//! Text on its way to a person's terminal.

use core::fmt::{self, Write};

/// Passes text on in chunks. Control characters become `?`, because texts of other domains are
/// logged too and must not drive the reader's terminal; a line ends in CR LF.
pub(crate) struct Line<F: FnMut(&[u8])> {
    chunk: [u8; 256],
    used: usize,
    send: F,
}

impl<F: FnMut(&[u8])> Line<F> {
    pub(crate) const fn new(send: F) -> Self {
        Self { chunk: [0; 256], used: 0, send }
    }

    /// Ends the line and sends what is left.
    pub(crate) fn end(mut self) {
        self.push(b"\r\n");
        (self.send)(&self.chunk[..self.used]);
    }

    /// Adds a few bytes that stay together.
    fn push(&mut self, bytes: &[u8]) {
        if self.used + bytes.len() > self.chunk.len() {
            (self.send)(&self.chunk[..self.used]);
            self.used = 0;
        }
        self.chunk[self.used..self.used + bytes.len()].copy_from_slice(bytes);
        self.used += bytes.len();
    }
}

impl<F: FnMut(&[u8])> Write for Line<F> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let shown = match character {
                '\n' => {
                    self.push(b"\r\n");
                    continue;
                }
                '\t' => ' ',
                control if control.is_control() => '?',
                other => other,
            };
            self.push(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn shown(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut line = Line::new(|chunk: &[u8]| bytes.extend_from_slice(chunk));
        line.write_str(text).unwrap();
        line.end();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn escape_sequences_of_a_peer_do_not_reach_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\u{9b}c\td\r"), "a?[2Jb?c d?\r\n");
    }

    #[test]
    fn a_line_end_inside_stays_one() {
        assert_eq!(shown("a\nb"), "a\r\nb\r\n");
    }

    proptest! {
        #[test]
        fn printable_text_of_any_length_arrives_whole(text in "[ -~\u{e9}\u{4e2d}]{0,700}") {
            prop_assert_eq!(shown(&text), text.to_string() + "\r\n");
        }
    }
}
