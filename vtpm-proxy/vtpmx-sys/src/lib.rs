//! The one call of Linux's tpm_vtpm_proxy driver: make a TPM device whose commands this process
//! answers.
//!
//! Source: Linux include/uapi/linux/vtpm_proxy.h, Documentation/security/tpm/tpm_vtpm_proxy.rst.
#![allow(unsafe_code, reason = "an ioctl and the descriptor that it makes")]

use rustix::fs::{FileType, Mode, OFlags, fstat, major, open};
use rustix::io::Errno;
use rustix::ioctl::{Updater, ioctl, opcode};
use std::os::fd::{FromRawFd, OwnedFd};

/// Where the driver takes calls.
pub const PATH: &str = "/dev/vtpmx";

/// Every device of the kernel's "misc" family, /dev/vtpmx among them, has this major number.
const MISC_MAJOR: u32 = 10;

/// `VTPM_PROXY_FLAG_TPM2`.
const FLAG_TPM2: u32 = 1;

/// `struct vtpm_proxy_new_dev`.
#[repr(C)]
struct NewDev {
    flags: u32,
    tpm_num: u32,
    fd: u32,
    major: u32,
    minor: u32,
}

/// `VTPM_PROXY_IOC_NEW_DEV`.
const NEW_DEV: rustix::ioctl::Opcode = opcode::read_write::<NewDev>(0xa1, 0);

/// A TPM device that was just made. It goes when `server` is closed.
#[derive(Debug)]
pub struct NewDevice {
    /// One `read` gives a whole command, one `write` takes the whole response to it.
    pub server: OwnedFd,
    /// N of /dev/tpmN.
    pub number: u32,
    /// /dev/tpmN's major number.
    pub major: u32,
    /// /dev/tpmN's minor number.
    pub minor: u32,
}

/// The driver, ready to make devices.
#[derive(Debug)]
pub struct Driver(OwnedFd);

impl Driver {
    /// Opens [`PATH`].
    ///
    /// # Errors
    /// `NOENT`: the module tpm_vtpm_proxy is not loaded. `ACCESS`: the caller may not open it. `NODEV`:
    /// [`PATH`] is something else.
    pub fn open() -> Result<Self, Errno> {
        let vtpmx = open(PATH, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let found = fstat(&vtpmx)?;
        let is_device = FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice;
        if !is_device || major(found.st_rdev) != MISC_MAJOR {
            return Err(Errno::NODEV);
        }
        Ok(Self(vtpmx))
    }

    /// Makes a TPM device, of version 2.0 or 1.2. The kernel begins to talk to it at once.
    ///
    /// # Errors
    /// `PERM`: the caller lacks CAP_SYS_ADMIN.
    pub fn new_device(&self, tpm2: bool) -> Result<NewDevice, Errno> {
        new_device(&self.0, tpm2)
    }
}

fn new_device(vtpmx: &OwnedFd, tpm2: bool) -> Result<NewDevice, Errno> {
    let flags = if tpm2 { FLAG_TPM2 } else { 0 };
    let mut made = NewDev { flags, tpm_num: 0, fd: u32::MAX, major: 0, minor: 0 };
    // SAFETY: the number of this call names a structure of NewDev's size, laid out as the kernel's
    // (five 32-bit words); the kernel reads and writes `made` before the call returns and keeps no
    // pointer to it. A misc device that is not the driver's own answers ENOTTY, since the number is
    // the driver's.
    unsafe { ioctl(vtpmx, Updater::<NEW_DEV, _>::new(&mut made)) }?;
    let fd = i32::try_from(made.fd).map_err(|_| Errno::BADF)?;
    // SAFETY: the call succeeded, so `fd` was opened for this process by it and nobody else in this
    // process knows the number.
    let server = unsafe { OwnedFd::from_raw_fd(fd) };
    Ok(NewDevice { server, number: made.tpm_num, major: made.major, minor: made.minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_call_is_the_kernels() {
        // _IOWR(0xa1, 0x00, struct of 20 bytes)
        assert_eq!(NEW_DEV, 0xc014_a100);
        assert_eq!(size_of::<NewDev>(), 20);
    }
}
