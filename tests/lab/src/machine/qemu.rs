//! QEMU's command line. What each choice is good for was measured: see tests/lab/README.md.

use super::{Options, Parts, Start, TpmDevice, Workshop};
use crate::program;

/// The one CPU model of QEMU 7.2 under which PV dom0, PV guests and PVH guests all run. QEMU's time stamp
/// counter is one for all processors and never changes its rate, and only says so when it is made to.
const CPU: &str =
    "qemu64,+svm,+npt,+rdrand,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+invtsc,x-force-features=on";

/// Xen: messages to COM1, and nothing that only costs time under emulation. Its clock is the time stamp
/// counter alone: otherwise each processor measures its own rate once a second against the platform's
/// timer, and since the host may hold up its thread in the middle of that, a machine of two processors had
/// clocks up to 10 ms apart (Xen's debug key t).
const XEN: &str = "console=com1 com1=115200,8n1 conring_size=1M serial_tx_buffer=256K dom0_max_vcpus=1 \
                   loglvl=info guest_loglvl=info spec-ctrl=no bootscrub=0 clocksource=tsc";

/// dom0's kernel, likewise; nokaslr and tsc=reliable also make runs alike.
const DOM0: &str = "console=hvc0 quiet mitigations=off audit=0 apparmor=0 cryptomgr.notests rodata=off \
                    init_on_alloc=0 nokaslr tsc=reliable";

/// Keeps dom0's built-in TPM drivers away, so that a guest or domain can have the TPM.
const NO_TPM_IN_DOM0: &str = "initcall_blacklist=init_tis,crb_acpi_driver_init";

pub(super) fn command(parts: &Parts<'_>, workshop: &Workshop, how: &Start<'_>) -> Vec<String> {
    let mut words =
        program::command_words(&parts.qemu, "usr/bin/qemu-system-x86_64", "qemu-system-x86_64");
    let share = parts.qemu.join("usr/share").display().to_string();
    let options = parts.options;
    words.extend(machine(options, &share));
    words.extend(lines(workshop));
    words.extend(disks(workshop));
    if options.boots {
        words.extend(kept(workshop));
    }
    let mut add = |text: &[&str]| words.extend(text.iter().map(ToString::to_string));
    add(&["-kernel", &parts.images.xen().display().to_string(), "-append", &xen_words(options)]);
    add(&["-initrd", &modules(parts, how)]);
    if super::tpm::version(parts, workshop).is_some() {
        let device = match options.tpm_device {
            TpmDevice::Tis => "tpm-tis,tpmdev=tpm0",
            TpmDevice::Crb => "tpm-crb,tpmdev=tpm0",
        };
        let socket = format!("socket,id=tpm,path={}", workshop.path("tpm").display());
        add(&["-chardev", &socket, "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", device]);
    }
    if let Start::Restore(file) = how {
        add(&["-incoming", &format!("exec:exec cat '{}'", file.display())]);
    }
    words
}

/// What the machine is, before anything is plugged into it; part of a snapshot's name. One processor: with
/// two, both now and then slept while domain 0 was due, for up to a minute.
pub(super) fn machine(options: &Options, share: &str) -> Vec<String> {
    let memory = options.memory.to_string();
    let firmware = [format!("{share}/qemu"), format!("{share}/seabios")];
    let words = [
        "-accel",
        "tcg,thread=multi",
        "-M",
        "q35",
        "-cpu",
        CPU,
        "-smp",
        "1",
        "-m",
        &memory,
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-L",
        &firmware[0],
        "-L",
        &firmware[1],
    ];
    words.map(String::from).to_vec()
}

/// Serial ports and control socket, which the lab already listens on.
fn lines(workshop: &Workshop) -> Vec<String> {
    let mut words = Vec::new();
    for name in ["console", "script"] {
        let socket = format!("socket,id={name},path={}", workshop.path(name).display());
        words.extend(["-chardev".into(), socket, "-serial".into(), format!("chardev:{name}")]);
    }
    let control = format!("socket,id=control,path={}", workshop.path("control").display());
    words.extend(["-chardev", &control, "-mon", "chardev=control,mode=control"].map(String::from));
    words
}

fn disks(workshop: &Workshop) -> Vec<String> {
    let disk = |name: &str| {
        let file = workshop.path(&format!("{name}.img"));
        let drive = format!(
            "file={},format=raw,if=none,id={name},cache=unsafe,file.locking=off",
            file.display()
        );
        ["-drive".into(), drive, "-device".into(), format!("virtio-blk-pci,drive={name}")]
    };
    ["in", "out"].into_iter().flat_map(disk).collect()
}

/// The disk that lives over several boots, with a log of all that is asked of it. The log's word counts
/// for what is durable, so neither file need be synced on the host.
fn kept(workshop: &Workshop) -> [String; 4] {
    let [disk, log] = [super::kept::DISK, super::kept::LOG].map(|name| workshop.path(name));
    let drive = format!(
        "driver=blklogwrites,if=none,id=kept,cache=writeback,\
         file.driver=file,file.filename={},file.locking=off,file.cache.no-flush=on,\
         log.driver=file,log.filename={},log.locking=off,log.cache.no-flush=on",
        disk.display(),
        log.display()
    );
    let device = "virtio-blk-pci,drive=kept,discard=off,write-zeroes=off";
    ["-drive".into(), drive, "-device".into(), device.into()]
}

pub(super) fn xen_words(options: &Options) -> String {
    let dom0 = options.dom0_memory;
    format!("{XEN} dom0_mem={dom0}M,max:{dom0}M {}", options.xen_args)
}

pub(super) fn dom0_words(options: &Options) -> String {
    let tpm = if options.tpm_dom0 { "" } else { NO_TPM_IN_DOM0 };
    format!("{DOM0} {tpm} {}", options.dom0_args)
}

/// Kernel with its words and initramfs, as QEMU hands modules to a multiboot kernel; a comma would
/// begin the next module, so it is doubled.
fn modules(parts: &Parts<'_>, how: &Start<'_>) -> String {
    let save = if matches!(how, Start::Boot) { "" } else { " lab.snapshot" };
    let words = (dom0_words(parts.options) + save).replace(',', ",,");
    let (kernel, files) = (parts.images.kernel(), parts.images.dom0(parts.options.guests));
    format!("{} {words},{}", kernel.display(), files.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dom0_leaves_the_tpm_alone_unless_told_otherwise() {
        let mut options = Options::default();
        assert!(dom0_words(&options).contains("crb_acpi_driver_init"));
        options.tpm_dom0 = true;
        assert!(!dom0_words(&options).contains("initcall_blacklist"));
    }
}
