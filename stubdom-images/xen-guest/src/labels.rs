//! Security labels of other domains, where Xen runs with XSM/FLASK.

use crate::hypercall;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::PortNumber;

/// Xen knows no such call: it was built or started without labels.
const NO_SUCH_CALL: i32 = -38;

/// The longest label that is read.
const LONGEST_LABEL: usize = 256;

/// The label of the domain at the other end of a bound port, without a final zero; `None` where Xen
/// has no labels.
///
/// # Errors
/// Xen's errno when there are labels and this one cannot be read.
pub fn peer_label(port: PortNumber) -> Result<Option<Vec<u8>>, i32> {
    let sid = match hypercall::peer_sid(port.0) {
        Err(NO_SUCH_CALL) => return Ok(None),
        sid => sid?,
    };
    let mut label = vec![0; LONGEST_LABEL];
    let length = hypercall::label_of(sid, &mut label)?;
    label.truncate(length);
    while label.last() == Some(&0) {
        label.pop();
    }
    Ok(Some(label))
}
