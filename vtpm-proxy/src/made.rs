//! A new device, with the advice that people need when there is none.

use anyhow::{Result, anyhow};
use rustix::io::Errno;
use vtpmx_sys::NewDevice;

/// Makes a TPM device.
///
/// # Errors
/// One sentence that says what to do.
pub(crate) fn device(tpm2: bool) -> Result<NewDevice> {
    vtpmx_sys::new_device(tpm2).map_err(|errno| {
        let path = vtpmx_sys::PATH;
        match errno {
            Errno::NOENT => anyhow!(
                "{path} is not there: load its module with modprobe tpm_vtpm_proxy (in a container, on \
                 the host)"
            ),
            Errno::PERM | Errno::ACCESS => {
                anyhow!("{path} may not be used: run this as root with CAP_SYS_ADMIN")
            }
            Errno::NODEV => anyhow!("{path} is not the kernel's vTPM proxy: see what lies there"),
            other => anyhow!("the kernel makes no TPM device: {other}"),
        }
    })
}
