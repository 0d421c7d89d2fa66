//! Where the two ends of a vTPM device meet in xenstore. docs/formats/xenstore-vtpm-nodes.md says
//! who writes which node when.

use alloc::string::String;
use core::fmt;
use domain_io::DomainId;

/// Under both ends: [`XenbusState`](crate::XenbusState) of that end.
pub const STATE: &str = "state";
/// Under the backend's end: the full path of the frontend's. Written by the toolstack.
pub const FRONTEND: &str = "frontend";
/// Under the backend's end: the frontend's domain. Written by the toolstack.
pub const FRONTEND_ID: &str = "frontend-id";
/// Under the backend's end: "1", or "0" once the toolstack wants the device gone.
pub const ONLINE: &str = "online";
/// Under the backend's end: the device's uuid. Written by the toolstack.
pub const UUID: &str = "uuid";
/// Under the backend's end: which image the frontend's domain was started from. Written by `xl-vtpm`, not by
/// libxl, and not for every device.
pub const IMAGE: &str = "image";
/// Under the frontend's end: the full path of the backend's.
pub const BACKEND: &str = "backend";
/// Under the frontend's end: the backend's domain.
pub const BACKEND_ID: &str = "backend-id";
/// Under both ends: the device's number.
pub const HANDLE: &str = "handle";
/// Under the frontend's end: the grant reference of the page, decimal. Written by the frontend.
pub const RING_REF: &str = "ring-ref";
/// Under the frontend's end: the port to bind to, decimal. Written by the frontend.
pub const EVENT_CHANNEL: &str = "event-channel";
/// Under both ends: "1" where that end speaks protocol version 2, the only one there is.
pub const PROTOCOL_V2: &str = "feature-protocol-v2";

/// Below the backend's own directory: all its vTPM devices, `<frontend domain>/<device>`.
pub const BACKEND_ROOT: &str = "backend/vtpm";
/// Below a frontend's own directory: all its vTPM devices, by device number.
pub const FRONTEND_ROOT: &str = "device/vtpm";
/// Where every domain has its directory.
pub const DOMAINS: &str = "/local/domain";

/// One vTPM device: whose it is, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId {
    /// The domain that uses the TPM.
    pub frontend: DomainId,
    /// The device's number in that domain: libxl's `devid`.
    pub device: u32,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "vTPM device {} of domain {}", self.device, self.frontend)
    }
}

impl DeviceId {
    /// The backend's end, relative to the backend's own directory.
    #[must_use]
    pub fn backend_dir(self) -> String {
        alloc::format!("{BACKEND_ROOT}/{}/{}", self.frontend, self.device)
    }

    /// The frontend's end, as a full path.
    #[must_use]
    pub fn frontend_dir(self) -> String {
        alloc::format!("{DOMAINS}/{}/{FRONTEND_ROOT}/{}", self.frontend, self.device)
    }

    /// Which device a path at or below [`backend_dir`](Self::backend_dir) belongs to.
    #[must_use]
    pub fn of_backend_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(BACKEND_ROOT)?.strip_prefix('/')?.split('/');
        Self::from_parts(parts.next()?, parts.next()?)
    }

    /// Whose [`IMAGE`] a path relative to the backend's own directory is.
    #[must_use]
    pub fn of_image_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(BACKEND_ROOT)?.strip_prefix('/')?.split('/');
        let id = Self::from_parts(parts.next()?, parts.next()?)?;
        (parts.next() == Some(IMAGE) && parts.next().is_none()).then_some(id)
    }

    /// Which device a path at or below [`frontend_dir`](Self::frontend_dir) belongs to.
    #[must_use]
    pub fn of_frontend_path(path: &str) -> Option<Self> {
        let (domain, rest) = path.strip_prefix(DOMAINS)?.strip_prefix('/')?.split_once('/')?;
        let mut parts = rest.strip_prefix(FRONTEND_ROOT)?.strip_prefix('/')?.split('/');
        Self::from_parts(domain, parts.next()?)
    }

    /// From the two directory names below [`BACKEND_ROOT`].
    #[must_use]
    pub fn from_parts(frontend: &str, device: &str) -> Option<Self> {
        let frontend = DomainId(number(frontend)?.try_into().ok()?);
        Some(Self { frontend, device: number(device)? })
    }
}

/// A decimal number as the peers write it: digits only, and it fits.
#[must_use]
pub fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}
