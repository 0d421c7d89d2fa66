//! A device to serve, with the advice that people need when there is none.

use anyhow::{Context, Result, anyhow, bail};
use caps::{CapSet, Capability};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Where a device comes from. What can be found out before there is one has been.
pub(crate) enum Source {
    /// The kernel's driver makes it.
    Driver(vtpmx_sys::Driver),
    /// Another program made it.
    Given(Server),
}

impl Source {
    /// The kernel's driver.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub(crate) fn driver() -> Result<Self> {
        let driver = vtpmx_sys::Driver::open().map_err(advise)?;
        check_capability()?;
        Ok(Self::Driver(driver))
    }

    /// Standard input.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn given() -> Result<Self> {
        Server::given().map(Self::Given)
    }

    /// A TPM device of this version.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub(crate) fn make(self, tpm2: bool) -> Result<Server> {
        match self {
            Self::Driver(driver) => {
                let made = driver.new_device(tpm2).map_err(advise)?;
                Ok(Server { fd: made.server, number: Some(made.number) })
            }
            Self::Given(server) => Ok(server),
        }
    }
}

/// The server's end of a device.
pub(crate) struct Server {
    fd: OwnedFd,
    /// N of /dev/tpmN, where it is known.
    pub(crate) number: Option<u32>,
}

impl Server {
    /// For [`crate::device::serve`].
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    fn given() -> Result<Self> {
        let stdin = std::io::stdin();
        let mode = fstat(&stdin).context("there is no standard input")?.st_mode;
        // The driver's own files have no type.
        let kind = FileType::from_raw_mode(mode);
        let keeps_packets_whole = match kind {
            FileType::Socket => socket_type(&stdin).is_ok_and(|is| is == SocketType::SEQPACKET),
            other => other == FileType::Unknown,
        };
        if !keeps_packets_whole {
            bail!(
                "standard input is no server's end of a TPM device: start this from the program that \
                 made one, or leave --stdin out"
            );
        }
        let fd = stdin.as_fd().try_clone_to_owned().context("cannot take standard input")?;
        Ok(Self { fd, number: None })
    }

    /// What to say of it when it is gone.
    pub(crate) fn gone(&self) -> anyhow::Error {
        match self.number {
            Some(number) => anyhow!("the kernel took /dev/tpm{number} away"),
            None => anyhow!("the other end of standard input was closed"),
        }
    }
}

/// The kernel asks for it when the device is made (Linux drivers/char/tpm/tpm_vtpm_proxy.c, vtpmx_ioc_new_dev), which
/// is after a new TPM was.
fn check_capability() -> Result<()> {
    match caps::has_cap(None, CapSet::Effective, Capability::CAP_SYS_ADMIN) {
        Ok(false) => Err(advise(Errno::PERM)),
        // Whoever cannot tell finds out.
        Ok(true) | Err(_) => Ok(()),
    }
}

fn advise(errno: Errno) -> anyhow::Error {
    let path = vtpmx_sys::PATH;
    match errno {
        Errno::NOENT => anyhow!(
            "{path} is not there: load its module with modprobe tpm_vtpm_proxy (in a container, on \
             the host)"
        ),
        Errno::PERM | Errno::ACCESS => {
            anyhow!("{path} may not be used: run this as root with CAP_SYS_ADMIN")
        }
        Errno::NODEV | Errno::NOTTY => {
            anyhow!("{path} is not the kernel's vTPM proxy: see what lies there")
        }
        Errno::OPNOTSUPP => {
            anyhow!("this kernel's vTPM proxy makes no such TPM: use a kernel from 4.8 on")
        }
        other => anyhow!("the kernel makes no TPM device: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{advise, check_capability};
    use crate::confine;
    use rustix::io::Errno;

    #[test]
    fn a_missing_capability_is_found_out_before_there_is_a_tpm() {
        let without = std::thread::spawn(|| {
            confine::drop_capabilities().unwrap();
            check_capability().unwrap_err().to_string()
        });
        assert!(without.join().unwrap().contains("run this as root with CAP_SYS_ADMIN"));
    }

    #[test]
    fn each_refusal_of_the_kernel_says_what_to_do_next() {
        let table = [
            (Errno::NOENT, "modprobe tpm_vtpm_proxy"),
            (Errno::PERM, "CAP_SYS_ADMIN"),
            (Errno::ACCESS, "CAP_SYS_ADMIN"),
            (Errno::NODEV, "see what lies there"),
            (Errno::NOTTY, "see what lies there"),
            (Errno::OPNOTSUPP, "use a kernel from"),
            (Errno::NOMEM, "makes no TPM device"),
        ];
        for (errno, words) in table {
            let said = advise(errno).to_string();
            assert!(said.contains(words) && !said.contains('\n'), "{errno}: {said}");
        }
    }
}
