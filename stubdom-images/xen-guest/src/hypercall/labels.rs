//! Security labels (Xen public/xsm/flask_op.h, interface version 1).

use super::{Call, address, call, errno};

const INTERFACE_VERSION: u32 = 1;
const SID_TO_CONTEXT: u32 = 5;
const GET_PEER_SID: u32 = 23;

/// `struct xen_flask_op`; its union has 32 bytes, the size of `struct xen_flask_access`.
#[repr(C)]
struct FlaskOp {
    command: u32,
    version: u32,
    union: [u64; 4],
}

fn flask(command: u32, union: [u64; 4]) -> Result<[u64; 4], i32> {
    let mut op = FlaskOp { command, version: INTERFACE_VERSION, union };
    // SAFETY: the call reads and writes this structure, and for SID_TO_CONTEXT the buffer that the
    // callers below put into it.
    errno(unsafe { call(Call::XsmOp, [address(&mut op), 0, 0, 0]) })?;
    Ok(op.union)
}

/// The security identifier of whoever is at the other end of a bound port.
pub(crate) fn peer_sid(port: u32) -> Result<u32, i32> {
    // `struct xen_flask_peersid`: the port, then the identifier.
    let [answer, ..] = flask(GET_PEER_SID, [u64::from(port), 0, 0, 0])?;
    Ok((answer >> 32) as u32)
}

/// Writes an identifier's label into the buffer; returns its length.
pub(crate) fn label_of(sid: u32, into: &mut [u8]) -> Result<usize, i32> {
    // `struct xen_flask_sid_context`: identifier, size, buffer. Xen writes at most `size` bytes.
    let size = into.len() as u64;
    let buffer = into.as_mut_ptr().expose_provenance() as u64;
    let [answer, ..] = flask(SID_TO_CONTEXT, [u64::from(sid) | size << 32, buffer, 0, 0])?;
    Ok(((answer >> 32) as usize).min(into.len()))
}
