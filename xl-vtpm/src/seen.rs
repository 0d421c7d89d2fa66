//! Disks that a domain was given since the host was booted, as the disk script notes them
//! (docs/formats/xenstore-tool-xl-vtpm.md). What was there and is gone may come back: no image is made in its place.

use std::path::Path;

/// Where the note of a path is. Two paths may share one: it counts for the path that it holds.
pub(crate) fn note_of(path: &Path) -> String {
    format!("/tool/vtpm-disks/{}", cksum(path.as_os_str().as_encoded_bytes()))
}

/// Why there is to be no new image, by what the note of its path holds; the script has the same sentence.
pub(crate) fn refusal(path: &Path, note: Option<&str>) -> Option<String> {
    let is_noted = note.is_some_and(|noted| Path::new(noted) == path);
    is_noted.then(|| {
        format!(
            "{} was there since this host was booted and is gone; bring it back, or, if it is lost for good, \
             xenstore-rm {}",
            path.display(),
            note_of(path)
        )
    })
}

/// The number that cksum(1) prints (POSIX, "cksum": CRC-32 of the bytes and of their number, complemented).
fn cksum(bytes: &[u8]) -> u32 {
    let mut rest = bytes.len();
    let length = std::iter::from_fn(|| {
        let byte = rest.to_le_bytes()[0];
        (rest != 0).then(|| {
            rest >>= 8;
            byte
        })
    });
    let add = |crc: u32, byte: u8| {
        (0..8).fold(crc ^ (u32::from(byte) << 24), |crc, _| {
            let next = crc << 1;
            if crc >> 31 == 1 { next ^ 0x04c1_1db7 } else { next }
        })
    };
    !bytes.iter().copied().chain(length).fold(0, add)
}

#[test]
fn a_path_s_number_is_that_of_cksum() {
    for (path, number) in [
        ("", 4_294_967_295),
        ("123456789", 930_766_865),
        ("/var/lib/xen/vtpm/guest1-vtpm.img", 2_008_597_294),
    ] {
        assert_eq!(cksum(path.as_bytes()), number, "{path}");
    }
}

#[test]
fn what_was_there_and_is_gone_is_not_made_anew() {
    let path = Path::new("/var/lib/xen/vtpm/guest1-vtpm.img");
    assert_eq!(refusal(path, None), None);
    assert_eq!(refusal(path, Some("/another/of/this/number")), None);
    let why = refusal(path, path.to_str()).unwrap();
    let script = include_str!("../../hotplug/block-vtpm-state");
    let sentence = why.replace("/var/lib/xen/vtpm/guest1-vtpm.img", "$disk");
    assert!(script.contains(&sentence.replace("/tool/vtpm-disks/2008597294", "$seen")), "{why}");
    assert!(why.ends_with("xenstore-rm /tool/vtpm-disks/2008597294"), "{why}");
}
