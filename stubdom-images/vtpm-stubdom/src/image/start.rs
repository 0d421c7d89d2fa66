//! From a command line to a vTPM that is ready for its guest.

use super::{Fault, IMAGE};
use domain_io::Xenstore;
use vtpm_engine::{LibTpms, StartConfig};
use vtpm_service::announce;
use vtpm_service::{Arguments, Ephemeral, Origin, Service};
use vtpm_stubdom::VtpmDomain;
use xen_guest::{CommandLine, Console, DomainSharing, Memory, StoreConnection};

/// What the engine may need at its worst, with room to spare. The tests of engine-bare see less than
/// half of it under every kind of command.
const HEAP_NEEDED: usize = 1500 * 1024;

/// A vTPM that keeps its state nowhere.
pub(crate) type EphemeralVtpm = VtpmDomain<LibTpms, Ephemeral, DomainSharing>;

/// Makes the TPM that the command line describes.
pub(crate) fn vtpm(
    command_line: &CommandLine,
    memory: &Memory,
    console: &mut Console,
    store: &mut StoreConnection,
) -> Result<EphemeralVtpm, Fault> {
    let arguments = arguments(command_line, console);
    let version = arguments.as_ref().ok().map(|arguments| arguments.version);
    if let Err(error) = announce::starting(store, IMAGE, version) {
        log::warn!("cannot write data/vtpm: {error}");
    }
    let arguments = arguments?;
    memory.require(HEAP_NEEDED).map_err(Fault::Memory)?;
    note_unused_devices(store);
    let engine = LibTpms::start(StartConfig::new(arguments.version)).map_err(Fault::Engine)?;
    let service =
        Service::start(engine, Ephemeral, arguments, Origin::New).map_err(Fault::Service)?;
    VtpmDomain::new(store, service).map_err(|error| Fault::Store {
        what: "its backend directory in xenstore cannot be watched".into(),
        error,
    })
}

fn arguments(command_line: &CommandLine, console: &mut Console) -> Result<Arguments, Fault> {
    let words = command_line.words().map_err(Fault::CommandLine)?;
    let (arguments, notices) = Arguments::parse(words).map_err(Fault::Argument)?;
    console.set_level(arguments.log_level);
    for notice in notices {
        log::warn!("{notice}");
    }
    Ok(arguments)
}

/// An ephemeral vTPM uses neither a disk nor a manager; one that was given them by its
/// configuration should be known not to.
fn note_unused_devices(store: &mut StoreConnection) {
    for (kind, what) in [("vbd", "disk"), ("vtpm", "manager")] {
        if store.list(&alloc::format!("device/{kind}")).is_ok_and(|devices| !devices.is_empty()) {
            log::warn!("it was given a {what} and does not use it, because it is ephemeral");
        }
    }
}
