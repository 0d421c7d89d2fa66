//! Machines that we have not seen, as their makers' specifications and Linux's drivers describe them.

mod support;

use hardware_tpm::{Error, Reach, Survey, release};
use support::{Tree, tpm2};
use tpm_hw::HardwareArguments;

/// A TPM 2.0 in firmware whose control area and buffers are in memory.
fn in_memory(resources: &str, control_area: u64) -> Tree {
    let table = tpm2(7, control_area);
    Tree::of(&format!(
        "link sys/bus/acpi/devices/MSFT0101:00 ../../../devices/MSFT0101:00\n\
         file sys/devices/MSFT0101:00/modalias\n| acpi:MSFT0101:\n\
         hex sys/firmware/acpi/tables/TPM2 {table}\n\
         file proc/iomem\n{resources}"
    ))
}

fn lines(tree: &Tree) -> Result<[String; 2], Error> {
    let lines = Survey::take(&tree.roots())?.lines()?;
    Ok([lines.iomem(), lines.extra()])
}

#[test]
fn a_control_area_in_memory_is_named_and_every_buffer_is_given() {
    let tree = in_memory(
        "|   bd50f000-bd512fff : MSFT0101:00\n|     bd50f000-bd512fff : MSFT0101:00 MSFT0101:00\n\
         |   bd517000-bd51afff : MSFT0101:00\n| fed40000-fed44fff : pnp 00:01",
        0xbd51_7000,
    );
    let [iomem, extra] = lines(&tree).unwrap();
    assert_eq!(iomem, "iomem=[\"bd517,4\",\"bd50f,4\"]");
    assert_eq!(
        extra,
        "extra=\"tpm2 tpmiomem=0xbd517000+0x4000,0xbd50f000+0x4000 tpmcontrol=0xbd517000 tpmstart=7\""
    );
    let mut arguments = HardwareArguments::default();
    for word in Survey::take(&tree.roots()).unwrap().lines().unwrap().words() {
        arguments.take(&word).unwrap();
    }
    assert_eq!(arguments.control_area, Some(0xbd51_7000));
    assert_eq!(arguments.to_map(), [0xbd51_7000..0xbd51_b000, 0xbd50_f000..0xbd51_3000]);
}

#[test]
fn a_vendors_own_identifier_and_forgotten_resources_are_no_hindrance() {
    let tree = in_memory("| 00000000-00000000 : MSFT0101:00\n", 0xfed4_0040);
    tree.add("file sys/devices/MSFT0101:00/modalias\n| acpi:INTC6000:MSFT0101:");
    let [iomem, extra] = lines(&tree).unwrap();
    assert_eq!(iomem, "iomem=[\"fed40,5\"]");
    assert_eq!(extra, "extra=\"tpm2 tpmiomem=0xfed40000+0x5000 tpmstart=7\"");
    let elsewhere = in_memory("", 0xbd50_f080);
    assert_eq!(lines(&elsewhere).unwrap()[0], "iomem=[\"bd50f,1\"]");
}

#[test]
fn a_promised_buffer_without_a_place_is_refused() {
    assert!(matches!(lines(&in_memory("", 0)), Err(Error::NoControlArea)));
}

#[test]
fn a_machine_without_a_tpm_says_what_to_do() {
    let tree = Tree::of("file sys/hypervisor/type\n| xen");
    let refused = lines(&tree).unwrap_err();
    assert!(matches!(refused, Error::NoTpm));
    assert!(refused.to_string().contains("hwtpm=none"), "{refused}");
}

/// A TPM that this driver holds on this bus.
fn held(number: u32, driver: &str, bus: &str) -> String {
    format!(
        "link sys/class/tpm/tpm{number} ../../devices/d{number}/tpm/tpm{number}\n\
         link sys/devices/d{number}/tpm/tpm{number}/device ../../../d{number}\n\
         file sys/devices/d{number}/tpm/tpm{number}/tpm_version_major\n| 2\n\
         link sys/devices/d{number}/driver ../../bus/{bus}/drivers/{driver}\n\
         link sys/devices/d{number}/subsystem ../../bus/{bus}\n\
         file sys/bus/{bus}/drivers/{driver}/unbind\n"
    )
}

#[test]
fn a_tpm_on_spi_is_refused_by_name() {
    let refused = release(&Tree::of(&held(0, "tpm_tis_spi", "spi")).roots()).unwrap_err();
    let message = refused.to_string();
    assert!(message.contains("tpm_tis_spi over spi") && message.contains("no mapped registers"));
    let (_, next) = message.split_once("; ").unwrap();
    assert!(next.contains("--hardware none"), "what is left to do: {next}");
}

#[test]
fn a_vtpm_of_domain_0_is_not_taken_for_hardware() {
    let tree = Tree::of(&(held(0, "vtpm", "xen") + &held(1, "tpm_tis", "platform")));
    let survey = Survey::take(&tree.roots()).unwrap();
    assert_eq!(survey.chips[0].reach(), Reach::Virtual);
    assert_eq!(survey.holder().unwrap().name, "tpm1");
    // A program that has the vTPM open is no user of the hardware.
    tree.add(
        "link proc/7/fd/3 /dev/tpmrm0\nfile proc/7/comm\n| swtpm\nlink proc/8/fd/9 /dev/tpmrm1",
    );
    let users = Survey::take(&tree.roots()).unwrap().users;
    assert_eq!(users.iter().map(|user| user.pid).collect::<Vec<_>>(), [8]);
}

#[test]
fn two_hardware_tpms_are_named_and_neither_is_released() {
    let tree = Tree::of(&(held(0, "tpm_tis", "platform") + &held(1, "tpm_crb", "acpi")));
    let refused = release(&tree.roots()).unwrap_err();
    assert!(refused.to_string().contains("tpm0, tpm1"), "{refused}");
}

#[test]
fn a_kernel_that_does_not_let_go_is_an_error() {
    let tree = Tree::of(&held(0, "tpm_tis", "platform"));
    let refused = release(&tree.roots()).unwrap_err();
    assert!(matches!(refused, Error::StillHeld { .. }), "{refused}");
    assert_eq!(tree.read("sys/bus/platform/drivers/tpm_tis/unbind"), "d0");
}
