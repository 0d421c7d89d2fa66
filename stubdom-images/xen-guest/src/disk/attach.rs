//! Finding a disk in xenstore and agreeing with its backend (Xen public/io/blkif.h).

use super::layout::{self, MOST_SEGMENTS};
use super::{Disk, DiskHost};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use domain_io::{DomainId, EventPort, Sharing, SharingError, StoreError, Xenstore};

/// States of a device's end (`enum xenbus_state`, Xen public/io/xenbus.h).
const INIT_WAIT: u32 = 2;
const INITIALISED: u32 = 3;
const CONNECTED: u32 = 4;
const CLOSING: u32 = 5;

/// How long a backend may take for each step.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

/// Set in `info` for a disk that must not be written (`VDISK_READONLY`).
const READ_ONLY: u32 = 4;
const SECTOR_BYTES: u32 = 512;

/// A disk's name as a number (Xen docs/man/xen-vbd-interface.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VirtualDevice(pub u16);

impl VirtualDevice {
    /// `hda`, where vTPM domains have their disk.
    pub const HDA: Self = Self(768);

    /// The number of a whole disk called `hda` to `hdd`, `sda` to `sdp` or `xvda` to `xvdp`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let (kind, letter) = name.split_at_checked(name.len().checked_sub(1)?)?;
        let disk = u16::from(letter.bytes().next()?.checked_sub(b'a')?);
        match (kind, disk) {
            ("hd", 0..2) => Some(Self(3 << 8 | disk << 6)),
            ("hd", 2..4) => Some(Self(22 << 8 | (disk - 2) << 6)),
            ("sd", 0..16) => Some(Self(8 << 8 | disk << 4)),
            ("xvd", 0..16) => Some(Self(202 << 8 | disk << 4)),
            _ => None,
        }
    }
}

/// Why a disk cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttachError {
    /// The configuration has no such disk.
    NoSuchDisk(VirtualDevice),
    /// A node does not hold what it should.
    Node {
        /// Its path.
        path: String,
        /// What it holds.
        value: String,
    },
    /// The backend did not come to the expected state in time.
    Silent {
        /// The state the backend was to reach (`enum xenbus_state`).
        wanted: u32,
        /// The state it was in last.
        last: u32,
    },
    /// Sectors are not of 512 bytes.
    SectorBytes(u32),
    /// Xenstore failed.
    Store(StoreError),
    /// Pages or the event channel could not be shared.
    Sharing(SharingError),
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDisk(device) => {
                write!(f, "the domain has no disk {} (disk= in its configuration)", device.0)
            }
            Self::Node { path, value } => write!(f, "the node {path} holds {value:?}"),
            Self::Silent { wanted, last } => {
                write!(f, "the disk's backend stayed in state {last} and did not reach {wanted}")
            }
            Self::SectorBytes(bytes) => {
                write!(
                    f,
                    "the disk has sectors of {bytes} bytes, and only 512 are supported: give it an image file, \
                     or a volume on a disk with such sectors"
                )
            }
            Self::Store(error) => error.fmt(f),
            Self::Sharing(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for AttachError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SharingError> for AttachError {
    fn from(error: SharingError) -> Self {
        Self::Sharing(error)
    }
}

/// The paths of both ends.
struct Ends {
    front: String,
    back: String,
    back_domain: DomainId,
}

impl<S: Sharing, H: DiskHost> Disk<S, H> {
    /// Connects to a disk of this domain's configuration.
    ///
    /// # Errors
    /// [`AttachError`].
    pub fn attach(
        store: &mut impl Xenstore,
        sharing: &mut S,
        host: H,
        device: VirtualDevice,
    ) -> Result<Self, AttachError> {
        let ends = find(store, device)?;
        wait_for(store, &host, &ends, INIT_WAIT)?;
        let (ring, ring_grant) = sharing.grant(ends.back_domain)?;
        layout::start_ring(&ring).map_err(|_| SharingError::Exhausted)?;
        let port = sharing.allocate_port(ends.back_domain)?;
        let mut buffers = Vec::with_capacity(MOST_SEGMENTS);
        for _ in 0..MOST_SEGMENTS {
            buffers.push(sharing.grant(ends.back_domain)?);
        }

        let front = &ends.front;
        store.write(&format!("{front}/ring-ref"), &format!("{}", ring_grant.0))?;
        store.write(&format!("{front}/event-channel"), &format!("{}", port.number().0))?;
        store.write(&format!("{front}/protocol"), "x86_64-abi")?;
        store.write(&format!("{front}/state"), &format!("{INITIALISED}"))?;
        wait_for(store, &host, &ends, CONNECTED)?;

        let back = &ends.back;
        let sectors: u64 = required(store, &format!("{back}/sectors"))?;
        let sector_bytes: u32 = required(store, &format!("{back}/sector-size"))?;
        if sector_bytes != SECTOR_BYTES {
            return Err(AttachError::SectorBytes(sector_bytes));
        }
        let info: u32 = required(store, &format!("{back}/info"))?;
        let mode = optional(store, &format!("{back}/mode"))?;
        let can_flush = optional(store, &format!("{back}/feature-flush-cache"))?.trim() == "1";
        store.write(&format!("{front}/state"), &format!("{CONNECTED}"))?;
        let (pages, grants) = buffers.into_iter().unzip();
        let read_only = info & READ_ONLY != 0 || mode == "r";
        let mut disk = Self {
            ring,
            port,
            pages,
            grants,
            host,
            handle: device.0,
            sectors,
            read_only,
            can_flush,
            sent: 0,
            gone: false,
        };
        if !can_flush && !read_only {
            disk.go_without_flush();
        }
        Ok(disk)
    }
}

fn find(store: &mut impl Xenstore, device: VirtualDevice) -> Result<Ends, AttachError> {
    let front = format!("device/vbd/{}", device.0);
    let back = store.read(&format!("{front}/backend")).map_err(|error| {
        if error.is_absent() { AttachError::NoSuchDisk(device) } else { error.into() }
    })?;
    let back_domain = DomainId(required(store, &format!("{front}/backend-id"))?);
    Ok(Ends { front, back, back_domain })
}

/// The number in a node that must be there.
fn required<T: FromStr>(store: &mut impl Xenstore, path: &str) -> Result<T, AttachError> {
    let value = store.read(path)?;
    value.trim().parse().map_err(|_| AttachError::Node { path: path.into(), value })
}

/// What a node holds that need not be there.
fn optional(store: &mut impl Xenstore, path: &str) -> Result<String, StoreError> {
    store.read(path).or_else(|error| if error.is_absent() { Ok(String::new()) } else { Err(error) })
}

fn wait_for(
    store: &mut impl Xenstore,
    host: &impl DiskHost,
    ends: &Ends,
    wanted: u32,
) -> Result<(), AttachError> {
    let until = host.now() + PATIENCE;
    loop {
        let last: u32 = required(store, &format!("{}/state", ends.back))?;
        if last == wanted || (last == CONNECTED && wanted < CONNECTED) {
            return Ok(());
        }
        if last >= CLOSING || host.now() >= until {
            return Err(AttachError::Silent { wanted, last });
        }
        host.pause(PAUSE);
    }
}
