//! From a disk and a manager to a keeper.

use crate::decide::{AtManager, OnDisk, Plan, Wanted, decide};
use crate::image::Image;
use crate::keeper::{Known, ManagedKeeper};
use crate::link::{LinkError, ManagerLink};
use crate::manager::{ManagerError, Session};
use crate::stop::Stop;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::{BlockDevice, Entropy};
use tpm_wire::TpmVersion;
use tpm_wire::manager::{Kept, Register, StatusReport};
use vtpm_service::Past;
use vtpm_service::arguments::PcrSet;
use vtpm_store::state_disk::{Loaded, Over, SlotReport, StateDisk, StateDiskError, examine};
use vtpm_store::{HashKey, Secret, Uuid};

/// How long to wait before a manager that cannot answer now is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// The vTPM that this domain is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vtpm {
    /// Its uuid, as the toolstack gave it.
    pub uuid: Uuid,
    /// Its version.
    pub version: TpmVersion,
    /// PCRs that a fresh boot extends by the hardware TPM's values.
    pub hardware_pcrs: PcrSet,
}

/// What a start begins with.
pub struct Opened<D, L, N> {
    /// Keeps the state from now on.
    pub keeper: ManagedKeeper<D, L, N>,
    /// What was kept; `None` when a new TPM is to be made.
    pub image: Option<Image>,
}

/// Asks the manager, looks at the disk, and loads, prepares a new vTPM, or stops. Answers of the
/// manager are waited for until the given moment.
///
/// # Errors
/// [`Stop`].
pub fn open<D: BlockDevice, L: ManagerLink, N: Entropy>(
    mut disk: D,
    mut link: L,
    mut entropy: N,
    vtpm: Vtpm,
    until: Duration,
) -> Result<Opened<D, L, N>, Stop> {
    let Vtpm { uuid, version, hardware_pcrs } = vtpm;
    let (report, manager) = ask(&mut link, until)?;
    let content = examine(&mut disk);
    let on_disk = OnDisk { content, read_only: disk.is_read_only() };
    let plan = decide(Wanted { uuid, version }, manager, on_disk)?;
    let register = plan == Plan::Manufacture { register: true } && report.is_some();
    let names_key = matches!(plan, Plan::Manufacture { .. }) && report.is_some();
    let (disk, loaded, key) = match plan {
        Plan::Load(kept) => {
            load(disk, vtpm, &kept).map_err(|stop| by_generation(stop, uuid, report))?
        }
        Plan::LoadOrOlder(kept, generation) => match load(&mut disk, vtpm, &kept) {
            Ok(_) => load(disk, vtpm, &kept)?,
            Err(Stop::Disk(StateDiskError::NoSlotMatches(_))) => {
                older(disk, vtpm, &kept.key(), generation, &mut link, until)?
            }
            Err(stop) => return Err(stop),
        },
        Plan::Manufacture { .. } => {
            let key = Secret::random(&mut entropy)?;
            (StateDisk::create(disk, uuid, version, Over::Blank)?, None, key)
        }
    };
    if register {
        let new = Register { version, ek_name: &[], ek_public: &[] };
        patiently(&mut link, until, |session| session.register(new))?;
    }
    let image = loaded.map(|loaded| Image::decode(&loaded.image)).transpose()?;
    let known = Known { store: report.map(|report| report.store), met: None };
    let hardware = report.and_then(|report| report.hardware);
    let keeper = ManagedKeeper {
        disk,
        link,
        known,
        entropy,
        key,
        version,
        names_key,
        hardware_pcrs: (hardware_pcrs, hardware),
        guests: Past::default(),
        guests_kept: image.as_ref().map(|image| image.guests.clone()),
    };
    Ok(Opened { keeper, image })
}

type Ready<D> = (StateDisk<D>, Option<Loaded>, Secret);

fn load<D: BlockDevice>(disk: D, vtpm: Vtpm, kept: &HashKey) -> Result<Ready<D>, Stop> {
    let (disk, loaded) = StateDisk::open(disk, vtpm.uuid, vtpm.version, kept)?;
    log::info!("its state is generation {}, {} bytes", loaded.generation, loaded.image.len());
    Ok((disk, Some(loaded), kept.key()))
}

/// A disk with nothing but other states of this vTPM, beside what the manager's record says.
fn by_generation(stop: Stop, uuid: Uuid, report: Option<StatusReport>) -> Stop {
    let (Stop::Disk(StateDiskError::NoSlotMatches(slots)), Some(report)) = (&stop, report) else {
        return stop;
    };
    let others: Option<Vec<u64>> = slots.iter().map(other_generation).collect();
    match (others.and_then(|others| others.into_iter().max()), report.kept) {
        (Some(disk @ 1..), Kept::State { generation: record, .. }) => {
            let slots = *slots;
            match disk < record {
                true => Stop::OlderDisk { uuid, disk, record, slots },
                false => Stop::OtherAge { uuid, disk, record, slots },
            }
        }
        _ => stop,
    }
}

/// 0 for a slot that is empty, `None` for one that may have held the newest state.
const fn other_generation(slot: &SlotReport) -> Option<u64> {
    match slot {
        SlotReport::Older { generation } => Some(*generation),
        SlotReport::Empty => Some(0),
        _ => None,
    }
}

/// Goes on from an older generation, which the manager then keeps.
fn older<D: BlockDevice, L: ManagerLink>(
    disk: D,
    vtpm: Vtpm,
    key: &Secret,
    generation: u64,
    link: &mut L,
    until: Duration,
) -> Result<Ready<D>, Stop> {
    let (disk, loaded, hash_key) =
        StateDisk::open_older(disk, vtpm.uuid, vtpm.version, key, generation)?;
    log::warn!("an administrator lets it go on from the older generation {generation}");
    patiently(link, until, |session| session.save(&hash_key))?;
    Ok((disk, Some(loaded), key.clone()))
}

/// What the manager has, and its whole report when it gives one.
fn ask<L: ManagerLink>(
    link: &mut L,
    until: Duration,
) -> Result<(Option<StatusReport>, AtManager), Stop> {
    let answer = patiently(link, until, |session| {
        let report = session.status()?;
        let manager = match (report.map(|report| (report.kept, report.explicit)), session.load()?) {
            (Some((Kept::Nothing, explicit)), None) => AtManager::Unknown { explicit },
            (Some((Kept::Record(version), _)), None) => AtManager::Record(version),
            (Some((Kept::State { version, accept_once, .. }, _)), Some(hash_key)) => {
                AtManager::State { version: Some(version), hash_key, accept_once }
            }
            (None, None) => AtManager::Unknown { explicit: false },
            (None, Some(hash_key)) => {
                AtManager::State { version: None, hash_key, accept_once: None }
            }
            // Two answers that do not go together say nothing.
            _ => return Err(ManagerError::Malformed),
        };
        Ok((report, manager))
    })?;
    Ok(answer)
}

/// Asks until there is an answer that is not only for the moment, or the time is over.
pub(crate) fn patiently<L: ManagerLink, T>(
    link: &mut L,
    until: Duration,
    mut ask: impl FnMut(&mut Session<'_, L>) -> Result<T, ManagerError>,
) -> Result<T, ManagerError> {
    loop {
        let connection = link.connect(until)?;
        match ask(&mut Session { link, connection, until }) {
            Err(error) if error.is_passing() => {
                let now = link.now();
                if now >= until {
                    return Err(match error {
                        ManagerError::Link(_) => LinkError::TimedOut.into(),
                        refused => refused,
                    });
                }
                link.pause(now.saturating_add(AGAIN).min(until))?;
            }
            answer => return answer,
        }
    }
}
