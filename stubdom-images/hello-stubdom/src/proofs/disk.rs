//! The disk `hda`, or the one named by `disk=NAME`.

use super::{Outcome, ensure};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use domain_io::{BlockDevice, BlockError, Clock, SECTOR_BYTES};
use xen_guest::{AttachError, Domain, DomainDisk, VirtualDevice};

fn attach(domain: &mut Domain) -> Result<DomainDisk, String> {
    let name = domain.command_line.value("disk").unwrap_or("hda");
    let device = VirtualDevice::from_name(name).ok_or_else(|| format!("{name} is no disk"))?;
    domain.attach_disk(device).map_err(|error| format!("{error}"))
}

fn told(what: &str, result: Result<(), BlockError>) -> Outcome {
    result.map_err(|error| format!("{what}: {error}"))
}

pub(super) fn write_and_read(domain: &mut Domain) -> Outcome {
    let mut disk = attach(domain)?;
    let sectors = disk.sectors();
    log::info!("disk of {sectors} sectors, flush {}", disk.can_flush());
    let start = domain.clock.now();
    for (round, count) in [1_usize, 7, 8, 9, 87, 88, 89, 512].into_iter().enumerate() {
        let fill = |at: usize| at.wrapping_mul(31).wrapping_add(round).to_le_bytes()[0];
        let bytes: Vec<u8> = (0..count * SECTOR_BYTES).map(fill).collect();
        let at = 3 * round as u64 + 1;
        told("write", disk.write(at, &bytes))?;
        told("flush", disk.flush())?;
        let mut back = vec![0; bytes.len()];
        told("read", disk.read(at, &mut back))?;
        ensure!(back == bytes, "{count} sectors came back changed");
    }
    log::info!("disk took {} ms", (domain.clock.now() - start).as_millis());
    let outside = disk.read(sectors, &mut [0; SECTOR_BYTES]);
    ensure!(outside == Err(BlockError::OutsideDisk), "reading past the end: {outside:?}");
    // Left for the script that looks at the disk from dom0.
    let mut mark = [0; SECTOR_BYTES];
    mark[..12].copy_from_slice(b"hello-proof\n");
    told("write the mark", disk.write(0, &mark))?;
    told("flush the mark", disk.flush())
}

pub(super) fn read_only(domain: &mut Domain) -> Outcome {
    let mut disk = attach(domain)?;
    ensure!(disk.is_read_only(), "the disk is not known as read-only");
    let written = disk.write(0, &[0; SECTOR_BYTES]);
    ensure!(written == Err(BlockError::ReadOnly), "writing: {written:?}");
    told("read", disk.read(0, &mut [0; SECTOR_BYTES]))
}

pub(super) fn missing(domain: &mut Domain) -> Outcome {
    match domain.attach_disk(VirtualDevice::HDA) {
        Err(error @ AttachError::NoSuchDisk(_)) => {
            log::info!("{error}");
            Ok(())
        }
        Err(error) => Err(format!("{error}")),
        Ok(_) => Err("there is a disk".into()),
    }
}
