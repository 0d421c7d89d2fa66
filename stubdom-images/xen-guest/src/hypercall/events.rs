//! Event channel calls (Xen public/event_channel.h).

use super::{Call, DOMID_SELF, address, call, errno};

#[repr(C)]
struct BindInterdomain {
    remote: u16,
    remote_port: u32,
    local_port: u32,
}

#[repr(C)]
struct AllocUnbound {
    domain: u16,
    remote: u16,
    port: u32,
}

/// Binds a new local port to `remote_port` of `remote` (`EVTCHNOP_bind_interdomain`).
pub(crate) fn bind_interdomain(remote: u16, remote_port: u32) -> Result<u32, i32> {
    let mut bind = BindInterdomain { remote, remote_port, local_port: 0 };
    // SAFETY: operation 0 reads and writes this structure.
    errno(unsafe { call(Call::EventChannelOp, [0, address(&mut bind), 0, 0]) })?;
    Ok(bind.local_port)
}

/// Allocates a port that `remote` may bind to (`EVTCHNOP_alloc_unbound`).
pub(crate) fn allocate_unbound(remote: u16) -> Result<u32, i32> {
    let mut unbound = AllocUnbound { domain: DOMID_SELF, remote, port: 0 };
    // SAFETY: operation 6 reads and writes this structure.
    errno(unsafe { call(Call::EventChannelOp, [6, address(&mut unbound), 0, 0]) })?;
    Ok(unbound.port)
}

/// Closes a local port (`EVTCHNOP_close`).
pub(crate) fn close_port(mut port: u32) -> Result<(), i32> {
    // SAFETY: operation 3 reads a structure of one port number.
    errno(unsafe { call(Call::EventChannelOp, [3, address(&mut port), 0, 0]) })
}

/// Wakes the other end of a port (`EVTCHNOP_send`).
pub(crate) fn send(mut port: u32) -> Result<(), i32> {
    // SAFETY: operation 4 reads a structure of one port number.
    errno(unsafe { call(Call::EventChannelOp, [4, address(&mut port), 0, 0]) })
}
