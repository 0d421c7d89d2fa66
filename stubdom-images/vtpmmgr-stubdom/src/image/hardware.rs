//! Bringing the hardware TPM into service.

use super::fault::Fault;
use super::time::Time;
use super::{Sharing, Store, registers};
use alloc::boxed::Box;
use core::time::Duration;
use tpm_hw::{
    Driver, Flushed, Found, HardwareArguments, HardwareError, Interface, Relay, Survey,
    VersionOutcome,
};
use vtpm_manager::Hardware;

/// How long another TPM domain may take to serve this one.
const RELAY_LIMIT: Duration = Duration::from_secs(30);

/// The hardware TPM, started and cleared of what an earlier manager left in it; `None` with
/// `hwtpm=none`.
pub(crate) fn start(
    arguments: &HardwareArguments,
    (store, sharing): (&Store, &Sharing),
    time: Time,
) -> Result<Option<Hardware>, Fault> {
    let Some(mut found) = find(arguments, (store, sharing), time)? else { return Ok(None) };
    match found.outcome {
        VersionOutcome::AsAsked => {}
        VersionOutcome::Tpm20WithoutAsking => log::warn!("{}", found.outcome),
        VersionOutcome::Tpm12InsteadOfTpm20 => return Err(Fault::Version(found.outcome)),
    }
    let started = tpm_hw::start(found.tpm.as_mut(), found.version, &time).map_err(Fault::Start)?;
    let (interface, mut hardware) =
        (found.interface, Hardware { tpm: found.tpm, version: found.version });
    match looked_at(&mut hardware) {
        Ok((flushed, survey)) => {
            let by = if started.already_started { ", started by firmware" } else { "" };
            log::info!("hardware TPM {} by {interface}{by}; {flushed}", hardware.version);
            survey.lines().iter().for_each(|line| log::info!("{line}"));
            Ok(Some(hardware))
        }
        Err(error) => {
            if let Err(fault) = hardware.rest() {
                log::error!("the hardware TPM was not brought to rest: {fault}");
            }
            Err(Fault::Hardware(error))
        }
    }
}

/// Takes away what an earlier manager left, and sees what others have.
fn looked_at(hardware: &mut Hardware) -> Result<(Flushed, Survey), HardwareError> {
    let Hardware { tpm, version } = hardware;
    let flushed = tpm_hw::flush(tpm.as_mut(), *version, &vtpm_custody::is_ours)?;
    Ok((flushed, tpm_hw::survey(tpm.as_mut(), *version)?))
}

fn find(
    arguments: &HardwareArguments,
    (store, sharing): (&Store, &Sharing),
    time: Time,
) -> Result<Option<Found>, Fault> {
    let found = match arguments.driver {
        Driver::None => return Ok(None),
        Driver::Registers => tpm_hw::detect(registers::bus(&arguments.to_map())?, arguments, time),
        Driver::Relay => {
            let ends = (store.clone(), sharing.clone());
            let relay = Relay::connect(ends, time, arguments.locality, RELAY_LIMIT, |_| {});
            relay.and_then(|tpm| Found::behind(Box::new(tpm), Interface::Relay, arguments.tpm2))
        }
    };
    found.map(Some).map_err(Fault::Hardware)
}
