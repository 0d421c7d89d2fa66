//! The keeper: when to save, and what.

use crate::engine::KeptEngine;
use crate::hardware;
use crate::image::Image;
use crate::link::{Connection, ManagerLink};
use crate::open::patiently;
use alloc::string::ToString;
use domain_io::{BlockDevice, Entropy};
use tpm_wire::TpmVersion;
use tpm_wire::manager::{Register, UuidBytes};
use vtpm_service::arguments::PcrSet;
use vtpm_service::{NotBegun, NotKept, Past, StateKeeper};
use vtpm_store::Secret;
use vtpm_store::state_disk::StateDisk;

/// What is known of the manager.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The name of its store; `None` from one that does not say.
    pub(crate) store: Option<UuidBytes>,
    /// The connection over which it has proved to be the same.
    pub(crate) met: Option<Connection>,
}

/// Keeps a TPM's state on a disk, under a key that the manager keeps with the hash of what was saved.
///
/// [`keep`](StateKeeper::keep) returns at once when nothing changed. Otherwise it returns when the
/// state is on the disk, flushed, and the manager has said that it kept hash and key; until then
/// nothing else runs in this domain. See [`answer_limit`](crate::answer_limit) for how long that may
/// take.
pub struct ManagedKeeper<D, L, N> {
    pub(crate) disk: StateDisk<D>,
    pub(crate) link: L,
    pub(crate) known: Known,
    pub(crate) entropy: N,
    pub(crate) key: Secret,
    pub(crate) version: TpmVersion,
    /// The TPM is new, and the manager does not have its endorsement key yet.
    pub(crate) names_key: bool,
    /// PCRs to extend at each boot, and the hardware TPM that has their values.
    pub(crate) hardware_pcrs: (PcrSet, Option<TpmVersion>),
    pub(crate) guests: Past,
    /// The guests that the last save holds; `None` before one is known.
    pub(crate) guests_kept: Option<Past>,
}

impl<D: BlockDevice, L: ManagerLink, N: Entropy> ManagedKeeper<D, L, N> {
    /// The number of the state that the manager names; 0 before the first.
    pub fn generation(&self) -> u64 {
        self.disk.generation()
    }

    /// Whether somebody is to be remembered whom the last save does not hold. That somebody may be
    /// forgotten is no reason to write.
    fn has_new_guest(&self) -> bool {
        let Some(kept) = &self.guests_kept else { return true };
        let unknown = self.guests.living.iter().any(|guest| !kept.living.contains(guest));
        unknown || self.guests.last.is_some_and(|last| kept.last != Some(last))
    }

    /// Tells the manager the endorsement key of a new TPM. Before the first save: from then on the
    /// manager takes no other.
    fn name_key<E: KeptEngine>(&mut self, engine: &mut E) -> Result<(), NotKept> {
        let version = self.version;
        let until = self.link.now().saturating_add(crate::answer_limit(version));
        let key = engine.endorsement_key(version).map_err(|why| NotKept(why.to_string()))?;
        let what = Register { version, ek_name: &key.name, ek_public: &key.public };
        let told = patiently(&mut self.link, until, |session| session.register(what));
        told.map_err(|why| NotKept(why.to_string()))?;
        self.names_key = false;
        Ok(())
    }

    fn save<E: KeptEngine>(&mut self, engine: &E) -> Result<(), NotKept> {
        let until = self.link.now().saturating_add(crate::answer_limit(self.version));
        let state = engine.state().ok_or_else(|| NotKept("the TPM has none".to_string()))?;
        let image = Image { version: self.version, state, guests: self.guests.clone() };
        let saved = self.disk.save(&mut self.entropy, &self.key, &image.encode());
        let hash_key = saved.map_err(|error| NotKept(error.to_string()))?;
        self.publish(&hash_key, until)?;
        self.guests_kept = Some(image.guests);
        log::debug!("generation {} is kept", self.disk.generation());
        Ok(())
    }
}

impl<E, D, L, N> StateKeeper<E> for ManagedKeeper<D, L, N>
where
    E: KeptEngine,
    D: BlockDevice,
    L: ManagerLink,
    N: Entropy,
{
    fn keep(&mut self, engine: &mut E) -> Result<(), NotKept> {
        if self.names_key {
            self.name_key(engine)?;
        }
        if engine.take_changed() || self.has_new_guest() { self.save(engine) } else { Ok(()) }
    }

    fn begin_boot(&mut self, engine: &mut E) -> Result<(), NotBegun> {
        let (pcrs, hardware) = self.hardware_pcrs;
        if pcrs.is_empty() {
            return Ok(());
        }
        let until = self.link.now().saturating_add(crate::answer_limit(self.version));
        hardware::extend(engine, self.version, pcrs, hardware, &mut self.link, until)
    }

    fn remember(&mut self, guests: &Past) {
        self.guests.clone_from(guests);
    }
}
