//! Taking a message out of the page: length first, bytes once, then the checks on the copy.

use crate::fault::{PageFault, PeerMisbehaved};
use crate::layout::{SMALLEST_MESSAGE, data_offset, room};
use alloc::vec::Vec;
use domain_io::SharedPage;

/// Copies a message of the announced `length` out of the page and checks that it is what it says.
pub(crate) fn copy_out<P: SharedPage>(
    page: &P,
    length: u32,
    extra_pages: u8,
) -> Result<Vec<u8>, PageFault> {
    let room = room(extra_pages);
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    if wanted > room {
        return Err(PeerMisbehaved::TooLong { length, room }.into());
    }
    if wanted < SMALLEST_MESSAGE {
        return Err(PeerMisbehaved::TooShort { length }.into());
    }
    let mut bytes = alloc::vec![0; wanted];
    page.read(data_offset(extra_pages), &mut bytes)?;
    let header = size_field(&bytes);
    if header != length {
        return Err(PeerMisbehaved::SizeDisagrees { length, header }.into());
    }
    Ok(bytes)
}

/// The tag of a message shorter than a header, of 1 to 9 bytes, whose size field, as far as there is one, says
/// so; 0 where it has none.
pub(crate) fn tag_of_short<P: SharedPage>(
    page: &P,
    length: u32,
    extra_pages: u8,
) -> Result<u16, PageFault> {
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    let mut bytes = [0; SMALLEST_MESSAGE];
    let bytes = bytes.get_mut(..wanted).unwrap_or_default();
    page.read(data_offset(extra_pages), bytes)?;
    let header = size_field(bytes);
    if bytes.len() >= SIZE_END && header != length {
        return Err(PeerMisbehaved::SizeDisagrees { length, header }.into());
    }
    Ok(bytes.first_chunk().copied().map_or(0, u16::from_be_bytes))
}

/// Where the size in a packet's header ends.
const SIZE_END: usize = 6;

/// The size in a TPM packet's header: big-endian, bytes 2 to 5, the same for commands and
/// responses of TPM 1.2 and 2.0. 0 when there is no such field.
pub(crate) fn size_field(packet: &[u8]) -> u32 {
    let field = packet.get(2..SIZE_END).and_then(|field| field.try_into().ok());
    field.map_or(0, u32::from_be_bytes)
}
