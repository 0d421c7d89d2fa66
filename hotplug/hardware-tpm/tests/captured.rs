//! What is made of machines that were captured.

mod support;

use hardware_tpm::{Chip, Error, Survey, give_back, release};
use support::Tree;
use tpm_hw::{Argument, HardwareArguments, StartMethod};
use tpm_wire::TpmVersion;

/// Name, driver, bus, device and version of the TPM, and the two lines, of each captured machine.
const MACHINES: [(&str, [&str; 3], TpmVersion, [&str; 2]); 3] = [
    (
        "qemu-tis-tpm20.tree",
        ["tpm_tis", "platform", "MSFT0101:00"],
        TpmVersion::Tpm20,
        ["iomem=[\"fed40,5\"]", "extra=\"tpm2 tpmiomem=0xfed40000+0x5000 tpmstart=6\""],
    ),
    (
        "qemu-crb-tpm20.tree",
        ["tpm_crb", "acpi", "MSFT0101:00"],
        TpmVersion::Tpm20,
        ["iomem=[\"fed40,1\"]", "extra=\"tpm2 tpmiomem=0xfed40000+0x1000 tpmstart=7\""],
    ),
    (
        "qemu-tis-tpm12.tree",
        ["tpm_tis", "pnp", "00:00"],
        TpmVersion::Tpm12,
        ["iomem=[\"fed40,5\"]", "extra=\"tpmiomem=0xfed40000+0x5000\""],
    ),
];

#[test]
fn the_driver_that_holds_the_tpm_is_found() {
    for (file, [driver, bus, device], version, _) in MACHINES {
        let survey = Survey::take(&Tree::captured(file).roots()).unwrap();
        assert!(survey.domain_0, "{file}");
        let chip = survey.holder().unwrap_or_else(|| panic!("{file}"));
        let Chip { name, .. } = chip;
        assert_eq!([name, &chip.driver, &chip.bus, &chip.device], ["tpm0", driver, bus, device]);
        assert_eq!(chip.version, Some(version), "{file}");
        assert_eq!(survey.table.unwrap().version(), version, "{file}");
    }
}

#[test]
fn the_lines_are_those_of_the_machine_before_and_after_the_release() {
    for (file, _, _, [iomem, extra]) in MACHINES {
        let tree = Tree::unused(file);
        tree.add(&iomem_of(file));
        let printed = |when: &str| {
            let lines = Survey::take(&tree.roots()).unwrap().lines().unwrap();
            assert_eq!(
                (lines.iomem().as_str(), lines.extra().as_str()),
                (iomem, extra),
                "{file} {when}"
            );
        };
        printed("before");
        let _kernel = tree.kernel();
        release(&tree.roots()).unwrap().unwrap();
        printed("after");
    }
}

/// `proc/iomem` of a captured machine alone.
fn iomem_of(file: &str) -> String {
    std::fs::read_to_string(Tree::captured(file).path("proc/iomem"))
        .unwrap()
        .lines()
        .fold("file proc/iomem\n".into(), |text, line| text + "| " + line + "\n")
}

#[test]
fn the_managers_parser_takes_every_printed_word() {
    for (file, _, version, _) in MACHINES {
        let lines = Survey::take(&Tree::captured(file).roots()).unwrap().lines().unwrap();
        let mut arguments = HardwareArguments::default();
        for word in lines.words() {
            assert_eq!(arguments.take(&word), Ok(Argument::Taken), "{file}: {word}");
        }
        assert_eq!(arguments.tpm2, version == TpmVersion::Tpm20, "{file}");
        let (mapped, granted) = (arguments.to_map(), lines.ranges());
        for part in mapped {
            let granted =
                granted.iter().any(|all| all.holds(part.start) && all.holds(part.end - 1));
            assert!(granted, "{file}: {part:x?} is mapped and not given");
        }
    }
}

#[test]
fn a_program_with_the_tpm_open_stops_the_release_and_is_named() {
    for (file, ..) in MACHINES {
        let tree = Tree::captured(file);
        let refused = release(&tree.roots()).unwrap_err();
        let Error::InUse(users) = &refused else { panic!("{file}: {refused}") };
        assert_eq!((users.len(), users[0].program.as_str()), (1, "sleep"), "{file}");
        let message = refused.to_string();
        assert!(message.contains(&format!("process {}", users[0].pid)), "{message}");
        assert!(message.contains("/dev/tpm0"), "{message}");
        assert!(Survey::take(&tree.roots()).unwrap().holder().is_some(), "{file}: still held");
    }
}

#[test]
fn a_released_tpm_is_held_by_nobody_until_it_is_given_back_to_the_same_driver() {
    for (file, [driver, bus, device], ..) in MACHINES {
        let tree = Tree::unused(file);
        let (roots, _kernel) = (tree.roots(), tree.kernel());
        let released = release(&roots).unwrap().unwrap();
        assert_eq!(released.chip.driver, driver, "{file}");
        assert_eq!(Survey::take(&roots).unwrap().holder(), None, "{file}");
        assert_eq!(release(&roots).unwrap(), None, "{file}: a second time");
        let given = give_back(&roots, false).unwrap();
        let chip = [given.chip.driver, given.chip.bus, given.chip.device];
        assert_eq!((given.already, chip), (false, [driver, bus, device].map(String::from)));
        assert!(give_back(&roots, false).unwrap().already, "{file}: a second time");
    }
}

#[test]
fn what_the_kernel_loses_is_said() {
    let tree = Tree::unused("qemu-tis-tpm20.tree");
    tree.add(
        "file sys/kernel/security/integrity/ima/runtime_measurements_count\n| 1742\n\
         file proc/keys\n| 1f3 I--Q--- 1 perm 3f010000 0 0 trusted kmk: 32",
    );
    let _kernel = tree.kernel();
    let lost: Vec<_> = release(&tree.roots()).unwrap().unwrap().lost;
    let names: Vec<_> = lost.iter().map(hardware_tpm::KernelUser::name).collect();
    assert_eq!(names, ["hwrng", "ima", "trusted-keys"]);
    assert!(lost[1].to_string().contains("1742 entries"), "{}", lost[1]);
}

#[test]
fn start_methods_other_than_plain_crb_and_tis_are_refused_by_name_and_nothing_is_released() {
    for (method, name) in [
        (2, "ACPI start method"),
        (8, "ACPI start method"),
        (11, "secure monitor"),
        (13, "Pluton"),
        (99, "unknown"),
    ] {
        let tree = Tree::unused("qemu-crb-tpm20.tree");
        let table = support::tpm2(method, 0xfed4_0040);
        tree.add(&format!("hex sys/firmware/acpi/tables/TPM2 {table}"));
        let refused = release(&tree.roots()).unwrap_err();
        assert!(matches!(&refused, Error::StartMethod(found) if *found == StartMethod(method)));
        let said = refused.to_string();
        let (what, next) = said.split_once("; ").unwrap();
        assert!(what.contains(name) && next.contains("--hardware none"), "{said}");
        assert!(Survey::take(&tree.roots()).unwrap().holder().is_some(), "method {method}");
    }
}

#[test]
fn a_damaged_table_is_named() {
    let tree = Tree::unused("qemu-tis-tpm20.tree");
    tree.add("hex sys/firmware/acpi/tables/TPM2 54504d3234000000");
    let message = Survey::take(&tree.roots()).unwrap_err().to_string();
    assert!(message.contains("tables/TPM2 is damaged"), "{message}");
}
