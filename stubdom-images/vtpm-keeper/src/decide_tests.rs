//! Every row of the table.

use super::{AtManager, OnDisk, Plan, Wanted, decide};
use crate::stop::Stop;
use alloc::format;
use domain_io::BlockError;
use tpm_wire::TpmVersion::{Tpm12, Tpm20};
use vtpm_store::state_disk::{Content, SlotReport, StateDiskError};
use vtpm_store::{HashKey, Uuid};

const OWN: Uuid = Uuid([1; 16]);
const OTHER: Uuid = Uuid([2; 16]);
const WANTED: Wanted = Wanted { uuid: OWN, version: Tpm20 };
const NEW: AtManager = AtManager::Unknown { explicit: false };
const EXPLICIT: AtManager = AtManager::Unknown { explicit: true };

fn hash_key() -> HashKey {
    HashKey::from([7; 64])
}

fn state(accept_once: Option<u64>) -> AtManager {
    AtManager::State { version: Some(Tpm20), hash_key: hash_key(), accept_once }
}

fn used(uuid: Uuid, tpm: tpm_wire::TpmVersion) -> Content {
    Content::Used { uuid, tpm, generations: [Some(4), Some(5)] }
}

fn unfinished(uuid: Uuid) -> Content {
    Content::Unfinished { uuid, tpm: Tpm20 }
}

fn on(manager: &AtManager, content: Result<Content, StateDiskError>) -> Result<Plan, Stop> {
    decide(WANTED, manager.clone(), OnDisk { content, read_only: false })
}

const MAKE: Plan = Plan::Manufacture { register: true };
const MAKE_KNOWN: Plan = Plan::Manufacture { register: false };

#[test]
fn a_new_tpm_is_made_for_a_blank_disk_and_a_uuid_without_state_alone() {
    let other_version = Content::Unfinished { uuid: OWN, tpm: Tpm12 };
    for content in [Content::Blank, unfinished(OWN), other_version] {
        assert_eq!(on(&NEW, Ok(content)), Ok(MAKE));
        assert_eq!(on(&AtManager::Record(Tpm20), Ok(content)), Ok(MAKE_KNOWN));
        assert_eq!(on(&EXPLICIT, Ok(content)), Err(Stop::NotProvisioned(OWN)));
    }
}

#[test]
fn an_unknown_uuid_with_a_used_disk_stops() {
    for manager in [NEW, EXPLICIT] {
        assert_eq!(on(&manager, Ok(used(OWN, Tpm20))), Err(Stop::UnknownUuid(OWN)));
        assert_eq!(on(&manager, Ok(used(OWN, Tpm12))), Err(Stop::UnknownUuid(OWN)));
    }
    let known = AtManager::Record(Tpm20);
    assert_eq!(on(&known, Ok(used(OWN, Tpm20))), Err(Stop::RecordWithoutState(OWN)));
}

#[test]
fn a_known_uuid_with_a_blank_disk_stops() {
    for manager in [state(None), state(Some(4))] {
        assert_eq!(on(&manager, Ok(Content::Blank)), Err(Stop::BlankDisk(OWN)));
    }
}

#[test]
fn known_state_is_loaded_from_its_own_disk() {
    for content in [used(OWN, Tpm20), unfinished(OWN)] {
        assert_eq!(on(&state(None), Ok(content)), Ok(Plan::Load(hash_key())));
        let older = Plan::LoadOrOlder(hash_key(), 4);
        assert_eq!(on(&state(Some(4)), Ok(content)), Ok(older));
    }
}

#[test]
fn a_disk_of_another_vtpm_always_stops() {
    let managers = [NEW, EXPLICIT, AtManager::Record(Tpm20), state(None), state(Some(4))];
    for manager in managers {
        for content in [used(OTHER, Tpm20), unfinished(OTHER)] {
            let expected = Stop::OtherUuid { disk: OTHER, wanted: OWN };
            assert_eq!(on(&manager, Ok(content)), Err(expected));
        }
        assert_eq!(on(&manager, Ok(Content::Foreign)), Err(Stop::Foreign));
    }
}

#[test]
fn state_of_the_other_version_stops_wherever_it_is_said() {
    let at_manager = Stop::OtherTpmAtManager { manager: Tpm12, wanted: Tpm20 };
    let kept = AtManager::State { version: Some(Tpm12), hash_key: hash_key(), accept_once: None };
    for manager in [AtManager::Record(Tpm12), kept] {
        for content in [Content::Blank, used(OWN, Tpm20), used(OWN, Tpm12)] {
            assert_eq!(on(&manager, Ok(content)), Err(at_manager.clone()));
        }
    }
    let on_disk = Stop::OtherTpmOnDisk { disk: Tpm12, wanted: Tpm20 };
    let silent = AtManager::State { version: None, hash_key: hash_key(), accept_once: None };
    for manager in [state(None), silent] {
        assert_eq!(on(&manager, Ok(used(OWN, Tpm12))), Err(on_disk.clone()));
    }
}

#[test]
fn a_disk_that_cannot_be_used_stops_whatever_the_manager_knows() {
    let broken = [
        StateDiskError::DamagedMark,
        StateDiskError::NewerVersion { version: 9, needs: 9 },
        StateDiskError::TooSmall { needs: 1072, has: 10 },
        StateDiskError::Disk(BlockError::Failed),
    ];
    for manager in [NEW, EXPLICIT, AtManager::Record(Tpm20), state(None)] {
        for error in broken {
            assert_eq!(on(&manager, Err(error)), Err(Stop::Disk(error)));
        }
        for content in [Content::Blank, used(OWN, Tpm20)] {
            let disk = OnDisk { content: Ok(content), read_only: true };
            assert_eq!(decide(WANTED, manager.clone(), disk), Err(Stop::ReadOnly));
        }
    }
}

#[test]
fn every_stop_says_what_to_do_next_in_one_line_that_fits() {
    let slots = [SlotReport::Older { generation: 3 }, SlotReport::OtherUuid(OTHER)];
    for stop in [
        Stop::ReadOnly,
        Stop::Foreign,
        Stop::BlankDisk(OWN),
        Stop::UnknownUuid(OWN),
        Stop::RecordWithoutState(OWN),
        Stop::NotProvisioned(OWN),
        Stop::OtherUuid { disk: OTHER, wanted: OWN },
        Stop::OtherTpmAtManager { manager: Tpm12, wanted: Tpm20 },
        Stop::OtherTpmOnDisk { disk: Tpm20, wanted: Tpm12 },
        Stop::Disk(StateDiskError::DamagedMark),
        Stop::Disk(StateDiskError::NoSlotMatches(slots)),
        Stop::Disk(StateDiskError::NoSuchGeneration(slots)),
        Stop::OlderDisk { uuid: OWN, disk: 3, record: 4, slots },
        Stop::OtherAge { uuid: OWN, disk: 5, record: 4, slots },
        Stop::Disk(StateDiskError::TooSmall { needs: 2, has: 1 }),
        Stop::Disk(StateDiskError::NewerVersion { version: 9, needs: 9 }),
    ] {
        let text = format!("{stop}");
        let next =
            ["use", "give", "raise", "start", "restore", "write", "remove", "make", "attach"];
        assert!(next.iter().any(|word| text.contains(word)), "{text}");
        assert!(text.len() <= 400 && !text.contains('\n'), "{}: {text}", text.len());
    }
}

/// What disks of two ages look like to a vTPM, and the page's row for each.
#[test]
fn every_stop_over_disks_of_two_ages_names_the_page_which_has_a_row_for_it() {
    let page = include_str!("../../../docs/rollback.md");
    let slots = [SlotReport::Older { generation: 3 }, SlotReport::OtherUuid(OTHER)];
    for (stop, row) in [
        (Stop::UnknownUuid(OWN), "and its disk holds a vTPM's state"),
        (Stop::RecordWithoutState(OWN), "without any state, and its disk holds state"),
        (
            Stop::Disk(StateDiskError::NoSlotMatches(slots)),
            "the disk does not hold the state that the manager kept last",
        ),
        (
            Stop::Disk(StateDiskError::NoSuchGeneration(slots)),
            "the disk does not hold the generation that was asked for",
        ),
        (
            Stop::OlderDisk { uuid: OWN, disk: 3, record: 4, slots },
            "its disk is older than the manager's record",
        ),
        (
            Stop::OtherAge { uuid: OWN, disk: 5, record: 4, slots },
            "and the manager vouches for another state",
        ),
    ] {
        let text = format!("{stop}");
        assert!(text.contains(row) && text.ends_with("(docs/rollback.md)"), "{text}");
        let is_row = |line: &str| line.starts_with('|') && line.contains(row);
        assert!(page.lines().any(is_row), "no row for: {row}");
    }
}
