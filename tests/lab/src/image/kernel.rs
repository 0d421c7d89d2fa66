//! The kernel's ELF out of its boot image: under emulation its own decompression is far slower
//! than doing it here once (Linux, Documentation/arch/x86/boot.rst: `payload_offset`).

use anyhow::{Context, Result, bail};
use std::io::Read;

/// The vmlinux ELF inside a bzImage compressed with xz or zstd, as Debian's are.
pub(super) fn vmlinux(image: &[u8]) -> Result<Vec<u8>> {
    let payload = payload(image).context("not a bzImage with a payload")?;
    let elf = unpacked(payload)?;
    if !elf.starts_with(b"\x7fELF") {
        bail!("the kernel's payload is not an ELF file");
    }
    Ok(elf)
}

fn payload(image: &[u8]) -> Option<&[u8]> {
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let word =
        |at: usize| Some(u32::from_le_bytes(image.get(at..at + 4)?.try_into().ok()?) as usize);
    let sectors = match image.get(0x1f1)? {
        0 => 4,
        other => usize::from(*other),
    };
    let start = (sectors + 1) * 512 + word(0x248)?;
    image.get(start..start.checked_add(word(0x24c)?)?)
}

/// Data compressed with xz, zstd or gzip; what follows the compressed stream (the kernel's build
/// appends its size) is ignored.
pub(super) fn unpacked(data: &[u8]) -> Result<Vec<u8>> {
    let mut plain = Vec::new();
    if data.starts_with(b"\xfd7zXZ\0") {
        lzma_rust2::XzReader::new(data, false).read_to_end(&mut plain)?;
    } else if data.starts_with(b"\x28\xb5\x2f\xfd") {
        ruzstd::decoding::StreamingDecoder::new(data)?.read_to_end(&mut plain)?;
    } else if data.starts_with(b"\x1f\x8b") {
        flate2::bufread::GzDecoder::new(data).read_to_end(&mut plain)?;
    } else {
        bail!("compressed in a way the lab does not know");
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_stands_behind_the_setup_sectors() {
        let mut image = vec![0; 4096];
        image[0x1f1] = 2;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x248..0x24c].copy_from_slice(&16u32.to_le_bytes());
        image[0x24c..0x250].copy_from_slice(&3u32.to_le_bytes());
        image[3 * 512 + 16..3 * 512 + 19].copy_from_slice(b"abc");
        assert_eq!(payload(&image), Some(&b"abc"[..]));
        assert!(vmlinux(&image).is_err());
        image[0x24c..0x250].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(payload(&image), None);
        assert_eq!(payload(b"MZ"), None);
    }
}
