//! The initramfs format: cpio "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).

use std::io::{self, Write};

/// File type bits of the mode field.
pub(super) const DIRECTORY: u32 = 0o040_000;
pub(super) const REGULAR: u32 = 0o100_000;
pub(super) const LINK: u32 = 0o120_000;
pub(super) const CHARACTER_DEVICE: u32 = 0o020_000;

/// Writes entries owned by root, with time 0: the same input gives the same bytes.
pub(super) struct Writer<W> {
    out: W,
    entries: u32,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, entries: 0 }
    }

    /// One entry; `device` is major and minor number of a device node.
    pub(super) fn entry(
        &mut self,
        name: &str,
        mode: u32,
        device: (u32, u32),
        data: &[u8],
    ) -> io::Result<()> {
        self.entries += 1;
        let links = if mode & 0o170_000 == DIRECTORY { 2 } else { 1 };
        let size = u32::try_from(data.len()).map_err(io::Error::other)?;
        let name_size = u32::try_from(name.len() + 1).map_err(io::Error::other)?;
        let (major, minor) = device;
        let fields = [self.entries, mode, 0, 0, links, 0, size, 0, 0, major, minor, name_size, 0];
        let mut head = String::from("070701");
        head.extend(fields.map(|field| format!("{field:08x}")));
        self.padded(&[head.as_bytes(), name.as_bytes(), b"\0"].concat())?;
        self.padded(data)
    }

    /// Ends the archive. Another may follow: the kernel unpacks them one after the other.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, (0, 0), &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn padded(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        let zeros = bytes.len().next_multiple_of(4) - bytes.len();
        self.out.write_all(&[0; 4][..zeros])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_header_name_and_data_each_padded_to_four() {
        let mut writer = Writer::new(Vec::new());
        writer.entry("ab", REGULAR | 0o644, (0, 0), b"hello").unwrap();
        let bytes = writer.out;
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("07070100000001000081a4"), "{text}");
        assert_eq!(&text[6 + 6 * 8..6 + 7 * 8], "00000005", "size");
        assert_eq!(&text[6 + 11 * 8..6 + 12 * 8], "00000003", "name with its zero byte");
        assert_eq!(&bytes[110..113], b"ab\0");
        assert_eq!(bytes.len(), 116 + 8);
        assert_eq!(&bytes[116..], b"hello\0\0\0");
    }

    #[test]
    fn an_archive_ends_with_the_trailer_on_a_boundary() {
        let bytes = Writer::new(Vec::new()).finish().unwrap();
        assert!(bytes[110..].starts_with(b"TRAILER!!!\0"));
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn a_device_carries_its_numbers() {
        let mut writer = Writer::new(Vec::new());
        writer.entry("dev/console", CHARACTER_DEVICE | 0o600, (5, 1), &[]).unwrap();
        let text = String::from_utf8(writer.out).unwrap();
        assert_eq!(&text[6 + 9 * 8..6 + 11 * 8], "0000000500000001");
    }
}
