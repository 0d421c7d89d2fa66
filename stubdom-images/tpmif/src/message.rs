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

/// The size in a TPM packet's header: big-endian, bytes 2 to 5, the same for commands and
/// responses of TPM 1.2 and 2.0. 0 when there is no such field.
pub(crate) fn size_field(packet: &[u8]) -> u32 {
    let field = packet.get(2..6).and_then(|field| field.try_into().ok());
    field.map_or(0, u32::from_be_bytes)
}
