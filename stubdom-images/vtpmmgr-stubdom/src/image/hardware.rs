//! Bringing the hardware TPM into service.

use super::fault::Fault;
use super::time::Time;
use super::{Sharing, Store, registers};
use alloc::boxed::Box;
use core::time::Duration;
use tpm_hw::{Driver, Found, HardwareArguments, Interface, Relay, VersionOutcome};
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
    let flushed = tpm_hw::flush(found.tpm.as_mut(), found.version, &vtpm_custody::is_ours)
        .map_err(Fault::Hardware)?;
    log::info!(
        "hardware TPM {} by {}{}; {flushed}",
        found.version,
        found.interface,
        if started.already_started { ", started by firmware" } else { "" },
    );
    Ok(Some(Hardware { tpm: found.tpm, version: found.version }))
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
