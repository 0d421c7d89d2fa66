//! Letting go of the TPM, and taking it back.

use crate::chip::Chip;
use crate::domains;
use crate::error::Error;
use crate::firmware::{DRIVERS, Device};
use crate::kernel_users::KernelUser;
use crate::roots::Roots;
use crate::survey::Survey;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// For the device to be gone once the kernel has taken the request.
const SETTLING: Duration = Duration::from_secs(2);

/// A TPM that nobody holds any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// Who held it.
    pub chip: Chip,
    /// What the kernel did with it until now.
    pub lost: Vec<KernelUser>,
    /// A manager that runs, and has shared the TPM with that driver until now.
    pub manager: Option<String>,
}

/// A TPM that domain 0 has again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBack {
    /// Who holds it.
    pub chip: Chip,
    /// It had never been away.
    pub already: bool,
}

/// Makes domain 0's kernel let go of the hardware TPM, by its driver's `unbind` (sysfs); `None` when
/// no driver holds it. The driver ends its use in order, with TPM2_Shutdown(CLEAR) on a TPM 2.0.
///
/// # Errors
/// [`Error::InUse`] while a program has it open; why it cannot be handed over at all; what the
/// kernel said.
pub fn release(roots: &Roots) -> Result<Option<Released>, Error> {
    let survey = Survey::take(roots)?;
    survey.lines()?;
    let Some(chip) = survey.holder().cloned() else { return Ok(None) };
    if !survey.users.is_empty() {
        return Err(Error::InUse(survey.users));
    }
    let (bus, driver) = (&chip.bus, &chip.driver);
    let unbind = roots.path(format!("sys/bus/{bus}/drivers/{driver}/unbind"));
    write(&unbind, &chip.device).map_err(|error| Error::unwritable(&unbind, error))?;
    if !within(SETTLING, || holder(roots).is_none()) {
        return Err(Error::StillHeld { driver: chip.driver });
    }
    // It is released, whether that can be told or not.
    let manager = domains::manager(roots).ok().flatten();
    Ok(Some(Released { chip, lost: survey.kernel_users, manager }))
}

/// Has a driver of domain 0's kernel take the hardware TPM again.
///
/// # Errors
/// [`Error::ManagerRuns`] unless `force`; [`Error::NotTaken`].
pub fn give_back(roots: &Roots, force: bool) -> Result<GivenBack, Error> {
    if let Some(chip) = holder(roots) {
        return Ok(GivenBack { chip, already: true });
    }
    if let (Some(domain), false) = (domains::manager(roots)?, force) {
        return Err(Error::ManagerRuns { domain });
    }
    let devices = Device::all(roots);
    if devices.is_empty() {
        return Err(Error::NoTpm);
    }
    let mut tried = Vec::new();
    for (device, driver) in devices.iter().flat_map(|device| DRIVERS.map(|name| (device, name))) {
        let bind = roots.path(format!("sys/bus/{}/drivers/{driver}/bind", device.bus));
        if !bind.exists() {
            continue;
        }
        match write(&bind, &device.name) {
            Err(error) => tried.push(format!("{driver} for {device}: {error}")),
            Ok(()) if within(SETTLING, || holder(roots).is_some()) => break,
            Ok(()) => tried.push(format!("{driver} for {device}: no TPM appeared")),
        }
    }
    let chip = holder(roots).ok_or(Error::NotTaken(tried))?;
    Ok(GivenBack { chip, already: false })
}

fn holder(roots: &Roots) -> Option<Chip> {
    Chip::mapped(&Chip::all(roots)).next().cloned()
}

fn write(file: &Path, device: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.write_all(device.as_bytes())
}

fn within(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
