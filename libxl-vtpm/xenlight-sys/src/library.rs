//! Loading.

use crate::calls::{Xenlight, Xentoollog, Xlutil};
use crate::error::LoadError;
use crate::release::XenRelease;
use libloading::os::unix::Library as Handle;
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::OnceLock;

/// The libraries of one release, loaded for the life of this process: libxl installs a signal
/// handler, which must not outlive its code.
pub struct Library {
    release: XenRelease,
    pub(crate) xl: Xenlight,
    pub(crate) util: Xlutil,
    pub(crate) log: Xentoollog,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("release", &self.release).finish_non_exhaustive()
    }
}

impl Library {
    /// The libraries of the Xen that runs on this machine.
    ///
    /// # Errors
    /// Xen does not run here, is of an unknown release, or its libraries are not installed.
    pub fn of_this_host() -> Result<&'static Self, LoadError> {
        Self::of(XenRelease::running()?)
    }

    /// The libraries of any release that is installed on this machine, the newest first: enough to
    /// read configuration files.
    ///
    /// # Errors
    /// None is installed.
    pub fn any() -> Result<&'static Self, LoadError> {
        if let Ok(release) = XenRelease::running() {
            return Self::of(release);
        }
        let [older, newer] = XenRelease::ALL;
        Self::of(newer).or_else(|_| Self::of(older))
    }

    /// The libraries of this release, found where the system's loader looks.
    ///
    /// # Errors
    /// They are not installed, or lack a call.
    pub fn of(release: XenRelease) -> Result<&'static Self, LoadError> {
        static LOADED: [OnceLock<Library>; 2] = [OnceLock::new(), OnceLock::new()];
        let place = &LOADED[release as usize];
        if let Some(library) = place.get() {
            return Ok(library);
        }
        let library = Self::load(release)?;
        Ok(place.get_or_init(|| library))
    }

    fn load(release: XenRelease) -> Result<Self, LoadError> {
        let numbers = release.numbers();
        let xl = open(&format!("libxenlight.so.{numbers}"))?;
        let util = open(&format!("libxlutil.so.{numbers}"))?;
        let log = open("libxentoollog.so.1")?;
        Ok(Self {
            release,
            xl: Xenlight::find(&xl)?,
            util: Xlutil::find(&util)?,
            log: Xentoollog::find(&log)?,
        })
    }

    /// Which release.
    #[must_use]
    pub const fn release(&self) -> XenRelease {
        self.release
    }
}

#[allow(unsafe_code, reason = "loading a library runs its initialisers")]
fn open(name: &str) -> Result<ManuallyDrop<Handle>, LoadError> {
    // SAFETY: the initialisers of these libraries and of those they depend on (Debian's own
    // packages) do nothing that a program must prepare for. The handle is never closed.
    let opened = unsafe { Handle::new(name) };
    opened.map(ManuallyDrop::new).map_err(|why| LoadError::Library { name: name.to_owned(), why })
}
