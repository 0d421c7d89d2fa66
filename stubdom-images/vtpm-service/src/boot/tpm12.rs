//! TPM 1.2.

use super::{BootError, Started, resume, send};
use alloc::vec::Vec;
use tpm_wire::tpm12::{self, PhysicalPresence, StartupType};
use vtpm_arguments::Startup;
use vtpm_engine::Engine;

/// Not secret and not checked: nobody stands between this domain and its engine.
const ANTI_REPLAY: [u8; 20] = [0; 20];

/// Presence by command, for ever: what a guest takes away or locks of it ends with its boot.
const PRESENCE_FOR_EVER: [(&str, PhysicalPresence); 2] = [
    (
        "TSC_PhysicalPresence(CMD_ENABLE, HW_DISABLE)",
        PhysicalPresence(PhysicalPresence::CMD_ENABLE.0 | PhysicalPresence::HW_DISABLE.0),
    ),
    ("TSC_PhysicalPresence(LIFETIME_LOCK)", PhysicalPresence::LIFETIME_LOCK),
];

/// Gives a new TPM its endorsement key and leaves it enabled and activated, so that a guest can
/// take ownership without commands that need physical presence.
pub(super) fn manufacture<E: Engine>(engine: &mut E) -> Result<(), BootError> {
    send(engine, "TPM_Startup", &tpm12::startup(StartupType::CLEAR))?;
    for (name, what) in PRESENCE_FOR_EVER {
        send(engine, name, &tpm12::physical_presence(what))?;
    }
    assert_presence(engine)?;
    send(engine, "TPM_PhysicalEnable", &tpm12::physical_enable())?;
    let activate = tpm12::physical_set_deactivated(false);
    send(engine, "TPM_PhysicalSetDeactivated", &activate)?;
    let create = tpm12::create_endorsement_key_pair(ANTI_REPLAY);
    send(engine, "TPM_CreateEndorsementKeyPair", &create)?;
    Ok(())
}

fn assert_presence<E: Engine>(engine: &mut E) -> Result<(), BootError> {
    let present = tpm12::physical_presence(PhysicalPresence::PRESENT);
    send(engine, "TSC_PhysicalPresence(PRESENT)", &present)?;
    Ok(())
}

pub(super) fn start<E: Engine>(engine: &mut E, startup: Startup) -> Result<Started, BootError> {
    let resumed = startup == Startup::Save && resume_or_reset(engine)?;
    // A resumed TPM keeps presence as its guest left it, who may have locked it until the boot ends.
    if !resumed {
        let kind = match startup {
            Startup::Deactivated => StartupType::DEACTIVATED,
            Startup::Clear | Startup::Save => StartupType::CLEAR,
        };
        send(engine, "TPM_Startup", &tpm12::startup(kind))?;
        assert_presence(engine)?;
    }
    Ok(Started { resumed, banks: Vec::new() })
}

/// A TPM 1.2 that could not go on takes no other Startup before its power was cycled.
fn resume_or_reset<E: Engine>(engine: &mut E) -> Result<bool, BootError> {
    let resumed = resume(engine, &tpm12::startup(StartupType::STATE))?;
    if !resumed {
        engine.power_cycle()?;
    }
    Ok(resumed)
}

pub(super) fn stop<E: Engine>(engine: &mut E) -> Result<(), BootError> {
    send(engine, "TPM_SaveState", &tpm12::save_state())?;
    Ok(())
}
