//! The ELF note by which an image says what it is made of: "Package Metadata for Executable Files" of
//! the UAPI group, which `systemd-analyze inspect-elf` and `readelf --notes` show.

/// The note's owner and type.
const OWNER: [u8; 4] = *b"FDO\0";
const TYPE: u32 = 0xcafe_1a7e;

/// What stands before the text.
const HEAD_BYTES: usize = 16;

/// The size of the whole note for this text.
#[must_use]
pub const fn bytes_for(text: &str) -> usize {
    HEAD_BYTES + (text.len() + 1).next_multiple_of(4)
}

/// The note with this text, JSON that begins with `{` and has no newline. `BYTES` is what
/// [`bytes_for`] says.
#[must_use]
pub const fn note<const BYTES: usize>(text: &str) -> [u8; BYTES] {
    assert!(BYTES == bytes_for(text), "the note has another size than its text needs");
    let mut note = [0; BYTES];
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a text in a source file is shorter than 4 GiB"
    )]
    let sizes = [OWNER.len() as u32, text.len() as u32 + 1, TYPE];
    let mut at = 0;
    while at < sizes.len() {
        let word = sizes[at].to_le_bytes();
        let mut byte = 0;
        while byte < 4 {
            note[4 * at + byte] = word[byte];
            note[12 + byte] = OWNER[byte];
            byte += 1;
        }
        at += 1;
    }
    let mut at = 0;
    while at < text.len() {
        note[HEAD_BYTES + at] = text.as_bytes()[at];
        at += 1;
    }
    note
}

/// Puts a [`note`](crate::package_note::note) with this text, a constant, into the image.
#[macro_export]
macro_rules! package_note {
    ($text:expr) => {
        #[cfg(target_os = "none")]
        const _: () = {
            const TEXT: &str = $text;
            #[allow(unsafe_code, reason = "the linker script collects notes by the section's name")]
            #[unsafe(link_section = ".note.package")]
            #[used]
            static NOTE: [u8; $crate::package_note::bytes_for(TEXT)] =
                $crate::package_note::note(TEXT);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_laid_out_as_elf_says() {
        let note: [u8; bytes_for("{}")] = note("{}");
        assert_eq!(note[..12], [4, 0, 0, 0, 3, 0, 0, 0, 0x7e, 0x1a, 0xfe, 0xca]);
        assert_eq!(note[12..], *b"FDO\0{}\0\0");
        assert_eq!((bytes_for(""), bytes_for("abc"), bytes_for("abcd")), (20, 20, 24));
    }
}
