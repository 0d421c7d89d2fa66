//! From a command line and a disk to a manager that is ready for vTPMs.

use super::fault::Fault;
use super::serve::Serving;
use super::time::Time;
use super::{IMAGE, Sharing, Store, hardware};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt::Display;
use domain_io::{Clock, PortNumber};
use tpm_hw::Driver;
use tpm_wire::manager::Force;
use vtpm_custody::Access;
use vtpm_manager::announce::{HERE, Word};
use vtpm_manager::{Arguments, Manager, Opened, Parts, RootKeeper, WithHardware, WithoutHardware};
use vtpmmgr_stubdom::{HEAP_NEEDED, ManagerDomain};
use xen_guest::{CommandLine, Console, Domain, DomainDisk, VirtualDevice};

/// Asks Xen for labels.
pub(crate) type Labels = fn(PortNumber) -> Result<Option<Vec<u8>>, i32>;

/// Whoever keeps the store's secret.
pub(crate) type Keeper = Box<dyn RootKeeper>;

/// Brings the manager up; hands the connection to xenstored back, to say why it did not come up.
pub(crate) fn manager(mut domain: Domain) -> Result<Serving, (Store, Fault)> {
    let disk = domain.attach_disk(VirtualDevice::HDA);
    let Domain {
        command_line, memory, mut console, store, sharing, clock, entropy, waiter, ..
    } = domain;
    let mut store: Store = Rc::new(RefCell::new(store));
    let sharing: Sharing = Rc::new(RefCell::new(sharing));
    let time = Time { clock, waiter };
    say_starting(&mut store, None);
    let made = (|| {
        let arguments = arguments(&command_line, &mut console)?;
        memory.require(HEAP_NEEDED).map_err(Fault::Memory)?;
        let disk = disk.map_err(Fault::Disk)?;
        let hardware = hardware::start(&arguments.hardware, (&store, &sharing), time)?;
        say_starting(&mut store, hardware.as_ref().map(|hw| &hw.version as &dyn Display));
        let keeper = keeper(&arguments, time);
        let parts = Parts { disk, keeper, hardware, entropy: Box::new(entropy), now: clock.now() };
        let manager = opened(parts, &arguments, &mut store)?;
        let labels: Labels = xen_guest::peer_label;
        ManagerDomain::new(&mut store, manager, labels, clock.now()).map_err(Fault::Store)
    })();
    match made {
        Ok(domain) => {
            let (ports, word) = (Vec::new(), Word::new(HERE));
            Ok(Serving { domain, store, sharing, clock, waiter, ports, locked: false, word })
        }
        Err(fault) => Err((store, fault)),
    }
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

fn keeper(arguments: &Arguments, time: Time) -> Keeper {
    if arguments.hardware.driver == Driver::None {
        return Box::new(WithoutHardware);
    }
    let access = Access::from(&arguments.hardware);
    let force = if arguments.unmeasured { Force::Yes } else { Force::No };
    Box::new(WithHardware::new(access, time, force).selecting(arguments.pcrs.clone()))
}

fn opened(
    parts: Parts<DomainDisk, Keeper>,
    arguments: &Arguments,
    store: &mut Store,
) -> Result<Manager<DomainDisk, Keeper>, Fault> {
    let (manager, opened) = Manager::open(parts, arguments).map_err(Fault::Open)?;
    match opened {
        Opened::Created => log::warn!("its disk was blank: a new store was made on it"),
        Opened::Found(_) => log::info!("its store was opened"),
        Opened::Locked(why) => {
            log::error!("nobody is served until domain 0 brings the recovery key: {why}");
            if let Err(error) = HERE.locked(store, &why) {
                log::warn!("cannot write data/vtpmmgr: {error}");
            }
        }
    }
    Ok(manager)
}

fn say_starting(store: &mut Store, tpm: Option<&dyn Display>) {
    if let Err(error) = HERE.starting(store, IMAGE, tpm) {
        log::warn!("cannot write data/vtpmmgr: {error}");
    }
}
