//! From a command line to a vTPM that is ready for its guest.

use super::ground::{Ground, Link, Requests, Store, is_link};
use super::hooks::{self, GroundEntropy};
use super::{Fault, IMAGE};
use domain_io::{Clock, StoreError, Xenstore};
use vtpm_engine::{LibTpms, StartConfig};
use vtpm_keeper::{FrontendLink, ManagedKeeper, Opened, Vtpm, open, share};
use vtpm_service::announce;
use vtpm_service::arguments::Custody;
use vtpm_service::{Arguments, Ephemeral, Origin, Service};
use vtpm_stubdom::{Desk, VtpmDomain, origin};
use xen_guest::{
    CommandLine, Console, Disk, DomainClock, DomainDisk, DomainSharing, Memory, StoreConnection,
    VirtualDevice, Waiter,
};

/// What the engine may need at its worst, with room to spare. The tests of engine-bare see less than
/// half of it under every kind of command.
const HEAP_NEEDED: usize = 1500 * 1024;

/// What saving adds to that: two copies of the largest image.
const HEAP_TO_SAVE: usize = 512 * 1024;

/// How long a start waits for its manager.
const MANAGER_PATIENCE: core::time::Duration = core::time::Duration::from_secs(60);

/// Bytes of the manager's generator that are mixed into the domain's own.
const MANAGERS_RANDOM: u16 = 64;

/// A vTPM with its keeper.
pub(crate) type Running<K> = VtpmDomain<LibTpms, K, DomainSharing>;

/// The keeper of a managed vTPM.
pub(crate) type Managed = ManagedKeeper<DomainDisk, Link, GroundEntropy>;

/// What a start stands on.
pub(crate) struct Footing {
    /// The connection to xenstored for the link to the manager.
    pub(crate) links: Store,
    /// The same for everything else.
    pub(crate) store: Store,
    pub(crate) sharing: DomainSharing,
    pub(crate) clock: DomainClock,
    pub(crate) waiter: Waiter,
    pub(crate) requests: Requests,
}

/// Reads the command line and says what this will be.
pub(crate) fn arguments(
    command_line: &CommandLine,
    memory: &Memory,
    console: &mut Console,
    store: &mut StoreConnection,
) -> Result<Arguments, Fault> {
    let arguments = parse(command_line, console);
    let version = arguments.as_ref().ok().map(|arguments| arguments.version);
    if let Err(error) = announce::starting(store, IMAGE, version) {
        log::warn!("cannot write data/vtpm: {error}");
    }
    let arguments = arguments?;
    let needed = match arguments.custody {
        Custody::Ephemeral => HEAP_NEEDED,
        Custody::Managed => HEAP_NEEDED + HEAP_TO_SAVE,
    };
    memory.require(needed).map_err(Fault::Memory)?;
    Ok(arguments)
}

fn parse(command_line: &CommandLine, console: &mut Console) -> Result<Arguments, Fault> {
    let words = command_line.words().map_err(Fault::CommandLine)?;
    let (arguments, notices) = Arguments::parse(words).map_err(Fault::Argument)?;
    console.set_level(arguments.log_level);
    for notice in notices {
        log::warn!("{notice}");
    }
    Ok(arguments)
}

/// Splits the connection to xenstored between the backend and the link to the manager.
pub(crate) fn split(store: StoreConnection) -> (Store, Store) {
    share(store, is_link)
}

/// Gets ready to be found by frontends, which are met later.
pub(crate) fn desk(store: &mut Store) -> Result<Desk<DomainSharing>, Fault> {
    Desk::open(store).map_err(|error| Fault::Store {
        what: "its backend directory in xenstore cannot be watched".into(),
        error,
    })
}

/// Makes a TPM that keeps its state nowhere.
pub(crate) fn ephemeral(
    store: &mut Store,
    desk: Desk<DomainSharing>,
    arguments: Arguments,
) -> Result<Running<Ephemeral>, Fault> {
    note_unused_devices(store);
    let engine = LibTpms::start(StartConfig::new(arguments.version)).map_err(Fault::Engine)?;
    let service = Service::start(engine, Ephemeral, arguments, Origin::New);
    Ok(VtpmDomain::at(desk, service.map_err(Fault::Service)?))
}

/// Loads the TPM that manager and disk keep, or makes a new one where neither knows of any.
pub(crate) fn managed(
    footing: &Footing,
    desk: Desk<DomainSharing>,
    arguments: Arguments,
) -> Result<(Running<Managed>, Link), Fault> {
    let Footing { links, store, sharing, clock, waiter, requests } = footing;
    let (clock, waiter, mut sharing) = (*clock, *waiter, sharing.clone());
    let store = &mut store.clone();
    let has_manager = has_device(store, "vtpm").map_err(|error| Fault::Store {
        what: "its device directory in xenstore cannot be read".into(),
        error,
    })?;
    if !has_manager {
        return Err(Fault::NoManager);
    }
    let disk =
        Disk::attach(store, &mut sharing, waiter, VirtualDevice::HDA).map_err(Fault::Disk)?;
    let until = clock.now() + MANAGER_PATIENCE;
    let ground = Ground {
        clock,
        waiter,
        links: links.clone(),
        store: store.clone(),
        sharing: sharing.clone(),
        requests: requests.clone(),
        desk: desk.clone(),
    };
    let mut link = FrontendLink::new(links.clone(), sharing, ground).map_err(|error| {
        Fault::Store { what: "its device directory in xenstore cannot be watched".into(), error }
    })?;
    let random = vtpm_keeper::random(&mut link, MANAGERS_RANDOM, until).map_err(Fault::Manager)?;
    hooks::add_entropy(&random);
    let uuid = link.uuid(until).map_err(Fault::uuid)?;
    log::info!("this is vTPM {uuid}");
    let vtpm = Vtpm {
        uuid: vtpm_store::Uuid(uuid.0),
        version: arguments.version,
        hardware_pcrs: arguments.hardware_pcrs,
    };
    let opened = open(disk, link.clone(), GroundEntropy, vtpm, until).map_err(Fault::Stop)?;
    let Opened { keeper, image } = opened;
    let origin = origin(image.as_ref(), store);
    let state = image.map(|image| image.state);
    let config = StartConfig { state, ..StartConfig::new(arguments.version) };
    let engine = LibTpms::start(config).map_err(Fault::Engine)?;
    let service = Service::start(engine, keeper, arguments, origin);
    Ok((VtpmDomain::at(desk, service.map_err(Fault::Service)?), link))
}

fn has_device(store: &mut impl Xenstore, kind: &str) -> Result<bool, StoreError> {
    match store.list(&alloc::format!("device/{kind}")) {
        Err(error) if error.is_absent() => Ok(false),
        listed => listed.map(|devices| !devices.is_empty()),
    }
}

/// An ephemeral vTPM uses neither a disk nor a manager; one that was given them by its
/// configuration should be known not to.
fn note_unused_devices(store: &mut Store) {
    for (kind, what) in [("vbd", "disk"), ("vtpm", "manager")] {
        if has_device(store, kind) == Ok(true) {
            log::warn!("it was given a {what} and does not use it, because it is ephemeral");
        }
    }
}
