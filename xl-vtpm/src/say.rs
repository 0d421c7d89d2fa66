//! What others say, before the program says it again.

/// A text of a domain's without what a terminal would obey: a vTPM's guest is nobody's friend.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
