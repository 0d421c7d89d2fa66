//! `/dev/xen/evtchn`.

use crate::call::{Argument, call};
use crate::device;
use domain_io::{DomainId, EventPort, PortNumber, SharingError};
use rustix::io::{Errno, ioctl_fionbio, read, write};
use std::os::fd::OwnedFd;

/// An end of an event channel, with the device open for it alone. Closing the device closes the channel.
#[derive(Debug)]
pub struct Port {
    device: OwnedFd,
    number: u32,
}

/// `struct ioctl_evtchn_bind_interdomain`.
#[repr(C)]
struct Interdomain {
    remote_domain: u32,
    remote_port: u32,
}

// SAFETY: IOCTL_EVTCHN_BIND_INTERDOMAIN takes this structure of two words.
unsafe impl Argument for Interdomain {
    const GROUP: u8 = b'E';
    const NUMBER: u8 = 1;
}

/// `struct ioctl_evtchn_bind_unbound_port`.
#[repr(C)]
struct Unbound {
    remote_domain: u32,
}

// SAFETY: IOCTL_EVTCHN_BIND_UNBOUND_PORT takes this structure of one word.
unsafe impl Argument for Unbound {
    const GROUP: u8 = b'E';
    const NUMBER: u8 = 2;
}

/// `struct ioctl_evtchn_notify`.
#[repr(C)]
struct Notify {
    port: u32,
}

// SAFETY: IOCTL_EVTCHN_NOTIFY takes this structure of one word.
unsafe impl Argument for Notify {
    const GROUP: u8 = b'E';
    const NUMBER: u8 = 4;
}

impl Port {
    pub(crate) fn bind(remote: DomainId, port: PortNumber) -> Result<Self, Errno> {
        Self::of(&mut Interdomain { remote_domain: remote.0.into(), remote_port: port.0 })
    }

    pub(crate) fn allocate(peer: DomainId) -> Result<Self, Errno> {
        Self::of(&mut Unbound { remote_domain: peer.0.into() })
    }

    fn of(argument: &mut impl Argument) -> Result<Self, Errno> {
        let device = device("evtchn")?;
        ioctl_fionbio(&device, true)?;
        let number = call(&device, argument)?;
        Ok(Self { device, number })
    }
}

impl EventPort for Port {
    fn number(&self) -> PortNumber {
        PortNumber(self.number)
    }

    fn notify(&self) -> Result<(), SharingError> {
        let sent = call(&self.device, &mut Notify { port: self.number });
        sent.map(drop).map_err(|error| SharingError::Port(-error.raw_os_error()))
    }

    fn take_pending(&self) -> bool {
        // A read gives the ports that had events, masked; a write unmasks them.
        let mut port = [0; 4];
        let had = read(&self.device, &mut port) == Ok(port.len());
        had && write(&self.device, &port).is_ok()
    }
}
