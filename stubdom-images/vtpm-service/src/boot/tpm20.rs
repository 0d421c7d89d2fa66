//! TPM 2.0.

use super::{BootError, Started, Stop, resume, send};
use alloc::vec::Vec;
use tpm_wire::tpm20::{
    self, Capability, DictionaryAttack, Handle, HashAlgorithm, Property, StartupType,
};
use vtpm_arguments::{PlatformHierarchy, Startup};
use vtpm_engine::Engine;

/// What a new TPM is set to. 32 tries, one forgiven every ten minutes, is what Windows sets and
/// what users of disk encryption can live with: a guesser gets 144 tries a day. A failed use of the
/// lockout authorisation bars that for a day.
pub(crate) const DICTIONARY_ATTACK: DictionaryAttack =
    DictionaryAttack { max_tries: 32, recovery_seconds: 600, lockout_recovery_seconds: 86_400 };

/// Bytes of the random platform authorisation.
const PLATFORM_AUTH_BYTES: u16 = 32;

/// Chooses the PCR banks and the defence against guessing.
pub(super) fn manufacture<E: Engine>(
    engine: &mut E,
    banks: &[HashAlgorithm],
) -> Result<(), BootError> {
    send(engine, "TPM2_Startup", &tpm20::startup(StartupType::CLEAR))?;
    let allocate = tpm20::pcr_allocate(&HashAlgorithm::ALL, banks);
    let answer = send(engine, "TPM2_PCR_Allocate", &allocate)?;
    if tpm20::pcr_allocated(&answer) != Ok(true) {
        return Err(BootError::Answer { command: "TPM2_PCR_Allocate" });
    }
    let defence = tpm20::dictionary_attack_parameters(DICTIONARY_ATTACK);
    send(engine, "TPM2_DictionaryAttackParameters", &defence)?;
    stop(engine, Stop::EndOfBoot)
}

pub(super) fn start<E: Engine>(
    engine: &mut E,
    startup: Startup,
    platform: PlatformHierarchy,
) -> Result<Started, BootError> {
    let resumed = startup == Startup::Save && resume(engine, &tpm20::startup(StartupType::STATE))?;
    // A resumed TPM keeps the platform authorisation that was set when its boot began.
    if !resumed {
        send(engine, "TPM2_Startup", &tpm20::startup(StartupType::CLEAR))?;
        guard_platform(engine, platform)?;
    }
    Ok(Started { resumed, banks: banks(engine)? })
}

/// Startup has left the platform authorisation empty; whoever knows it can clear the TPM and
/// choose its banks.
fn guard_platform<E: Engine>(engine: &mut E, platform: PlatformHierarchy) -> Result<(), BootError> {
    match platform {
        PlatformHierarchy::Open => {
            log::warn!("platform=open: the guest may use the platform hierarchy");
            Ok(())
        }
        PlatformHierarchy::Closed => {
            let secret = random(engine)?;
            let change = tpm20::hierarchy_change_auth(Handle::PLATFORM, &[], &secret);
            send(engine, "TPM2_HierarchyChangeAuth", &change)?;
            Ok(())
        }
    }
}

/// A secret that nobody keeps, from the TPM's own generator: whoever could predict that one could
/// predict every key of this TPM too.
fn random<E: Engine>(engine: &mut E) -> Result<Vec<u8>, BootError> {
    let command = "TPM2_GetRandom";
    let answer = send(engine, command, &tpm20::get_random(PLATFORM_AUTH_BYTES))?;
    let bytes = tpm20::random_bytes(&answer).map_err(|_| BootError::Answer { command })?;
    if bytes.len() != usize::from(PLATFORM_AUTH_BYTES) {
        return Err(BootError::Answer { command });
    }
    Ok(bytes.to_vec())
}

fn banks<E: Engine>(engine: &mut E) -> Result<Vec<HashAlgorithm>, BootError> {
    let command = "TPM2_GetCapability";
    let ask = tpm20::get_capability(Capability::PCRS, Property(0), 1);
    let answer = send(engine, command, &ask)?;
    tpm20::active_banks(&answer).map_err(|_| BootError::Answer { command })
}

pub(super) fn stop<E: Engine>(engine: &mut E, stop: Stop) -> Result<(), BootError> {
    let kind = match stop {
        Stop::EndOfBoot => StartupType::CLEAR,
        Stop::ToResume => StartupType::STATE,
    };
    send(engine, "TPM2_Shutdown", &tpm20::shutdown(kind))?;
    Ok(())
}
