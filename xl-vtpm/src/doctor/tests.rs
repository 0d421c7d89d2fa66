//! A captured machine, and what becomes of it.

use super::{Finding, Level, Machine, findings};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A machine with a TPM 2.0 that domain 0's driver holds (hotplug/hardware-tpm/tests/trees).
const CAPTURED: &str =
    include_str!("../../../hotplug/hardware-tpm/tests/trees/qemu-tis-tpm20.tree");

struct Host(TempDir);

impl Host {
    /// The captured machine with everything else that belongs to a good host.
    fn good() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        host.unpack(CAPTURED);
        host.write("sys/hypervisor/version/major", "4\n");
        host.write("sys/hypervisor/version/minor", "17\n");
        host.write("xl-info", "virt_caps    : pv hvm hap shadow\nxen_commandline : dom0_mem=1G\n");
        host.write("boot/xen-4.17-amd64.config", "# CONFIG_XSM is not set\n");
        host.write("proc/50/cmdline", "/usr/lib/xen-4.17/bin/oxenstored\0--pid-file\0/run/x\0");
        host.write("etc/xen/oxenstored.conf", "quota-activate = true\nquota-maxentity = 1000\n");
        host.write("proc/51/cmdline", "/usr/lib/xen-4.17/bin/xenconsoled\0--log=all\0");
        let package = |name: &str| format!("Package: {name}\nStatus: install ok installed\n");
        let status = [package("xen-utils-4.17"), package("xen-utils-common")].join("\n");
        host.write("var/lib/dpkg/status", &status);
        for image in ["vtpm", "vtpmmgr"] {
            host.bytes(&format!("usr/lib/xen/boot/{image}-stubdom.gz"), &[0x1f, 0x8b, 8]);
        }
        host
    }

    fn unpack(&self, tree: &str) {
        let mut lines = tree.lines().peekable();
        while let Some(line) = lines.next() {
            let (kind, rest) = line.split_once(' ').unwrap();
            let (path, value) = rest.split_once(' ').unwrap_or((rest, ""));
            match kind {
                "link" => {
                    let path = self.path(path);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    if !path.is_symlink() {
                        symlink(value, path).unwrap();
                    }
                }
                "hex" => {
                    let digits: Vec<char> = value.chars().filter(|c| !c.is_whitespace()).collect();
                    let byte = |pair: &[char]| pair.iter().collect::<String>();
                    let bytes = digits.chunks(2).map(|p| u8::from_str_radix(&byte(p), 16).unwrap());
                    self.bytes(path, &bytes.collect::<Vec<_>>());
                }
                _ => {
                    let mut content = String::new();
                    while let Some(line) = lines.next_if(|line| line.starts_with("| ")) {
                        content += &format!("{}\n", &line[2..]);
                    }
                    self.write(path, &content);
                }
            }
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        self.bytes(path, text.as_bytes());
    }

    fn bytes(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
    }

    fn found(&self) -> Vec<Finding> {
        findings(&Machine::at(self.0.path(), Path::new("/usr/lib/xen/boot")), &[])
    }

    /// The one finding that matters: not good, and with these words.
    fn complains(&self, level: Level, words: &str, todo: &str) {
        let found = self.found();
        let mut fitting = found.iter().filter(|f| f.level == level && f.says.contains(words));
        let finding = fitting.next().unwrap_or_else(|| panic!("{words} is not in {found:#?}"));
        assert!(finding.todo.as_deref().is_some_and(|said| said.contains(todo)), "{finding:#?}");
    }
}

#[test]
fn a_good_host_lacks_only_that_domain_0_lets_go_of_its_tpm() {
    let found = Host::good().found();
    let others: Vec<_> = found.iter().filter(|finding| finding.level != Level::Good).collect();
    assert_eq!(others.len(), 1, "{others:#?}");
    assert!(others[0].says.contains("driver tpm_tis holds the TPM 2.0"), "{others:#?}");
    let todo = others[0].todo.as_deref().unwrap();
    assert!(todo.contains("stop sleep (process ") && todo.contains("vtpm-hwtpm release"), "{todo}");
    let all = found.iter().map(|finding| finding.says.as_str()).collect::<Vec<_>>().join("\n");
    for part in [
        "Xen 4.17 runs",
        "domains may be PVH",
        "iomem=[\"fed40,5\"]",
        "1000 nodes: 97 vTPMs",
        "built without XSM",
        "vtpmmgr-stubdom.gz is there",
        "keeps them in",
    ] {
        assert!(all.contains(part), "{part}\nis not in\n{all}");
    }
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json[0]["level"], "good");
}

#[test]
fn each_thing_that_is_wrong_is_said_with_what_to_do() {
    use Level::{Bad, Note};
    let without = |path: &str| {
        let host = Host::good();
        host.remove(path);
        host
    };
    let with = |path: &str, text: &str| {
        let host = Host::good();
        host.write(path, text);
        host
    };
    with("sys/hypervisor/type", "kvm").complains(Bad, "does not run Xen", "apt install xen-system");
    with("sys/hypervisor/version/minor", "99").complains(Bad, "Xen 4.99", "tools that came for");
    with("sys/hypervisor/uuid", "0f8e1a52-7c3d-4b69-9a10-5566778899aa").complains(
        Bad,
        "a guest of Xen",
        "in domain 0",
    );
    without("xl-info").complains(Bad, "xl info says nothing", "as root");
    with("xl-info", "virt_caps : pv").complains(Note, "no hardware virtual", "type = \"pv\"");
    with("xl-info", "virt_caps : pv hvm").complains(Note, "(HAP)", "type = \"pv\"");
    with("boot/xen-4.17-amd64.config", "CONFIG_XSM=y\n").complains(Note, "not used", "flask=");
    without("proc/50/cmdline").complains(Bad, "no xenstore daemon", "service xen start");
    with("etc/xen/oxenstored.conf", "quota-maxentity = 500\n").complains(
        Bad,
        "500 nodes",
        "quota-maxentity",
    );
    with("proc/50/cmdline", "/bin/xenstored\0-E\0900\0").complains(Bad, "900 nodes", "--entry-nb");
    without("usr/lib/xen/boot/vtpm-stubdom.gz").complains(Bad, "cannot be read", "./x images");
    with("usr/lib/xen/boot/vtpm-stubdom.gz", "\x7fELF").complains(Bad, "not compressed", "install");
    with("proc/51/cmdline", "/bin/xenconsoled\0").complains(
        Note,
        "xenconsoled keeps none",
        "XENCONSOLED_ARGS",
    );
    without("proc/51/cmdline").complains(Bad, "xenconsoled does not run", "service xen start");
    without("var/lib/dpkg/status").complains(Note, "no Debian", "libxenlight.so.4.17");
    with("var/lib/dpkg/status", "Package: xen-utils-4.17\nStatus: deinstall ok config-files\n")
        .complains(Bad, "xen-utils-4.17 is not installed", "apt install xen-utils-4.17");
    with("etc/xen/xl.conf", "autoballoon=\"auto\"\noutput_format='sxp'\n").complains(
        Bad,
        "of domains in SXP",
        "take output_format= out",
    );
    let json = with("etc/xen/xl.conf", "output_format=\"json\"\n").found();
    assert_eq!(json.iter().filter(|f| f.level != Level::Good).count(), 1, "{json:#?}");
    let manager = "etc/xen/vtpm/vtpmmgr.cfg";
    with(manager, "iomem=[\"fed40,1\"]\nextra='tpm2'\n").complains(
        Bad,
        "has iomem=[\"fed40,1\"] for a TPM 2.0, and firmware says iomem=[\"fed40,5\"] and a TPM 2.0",
        "vtpm-hwtpm lines",
    );
    with(manager, "iomem=[\"fed40,5\"]\n").complains(Bad, "for a TPM 1.2, and", "vtpm-hwtpm lines");
    let fits = "iomem=[\"fed40,5\"]\nextra='tpm2'\nextra += ' loglevel=debug'\n";
    let fits = with(manager, fits).found();
    let lines = fits.iter().find(|f| f.topic == "TPM lines").unwrap();
    assert!(lines.level == Level::Good && lines.says.contains("has this machine's registers"));
}

#[test]
fn a_machine_without_a_tpm_is_told_what_runs_without() {
    let host = Host(tempfile::tempdir().unwrap());
    host.write("sys/hypervisor/type", "xen");
    host.complains(Level::Note, "has no TPM", "--hardware none");
    let found = host.found();
    let tpm = found.iter().find(|it| it.topic == "hardware TPM").unwrap();
    assert!(!tpm.says.contains("--hardware"), "once is enough: {}", tpm.says);
    let manager = "etc/xen/vtpm/vtpmmgr.cfg";
    host.write(manager, "extra='hwtpm=none'\n");
    host.complains(Level::Note, "has no TPM", "--hardware none");
    host.write(manager, "iomem=['fed40,5']\nextra='tpm2'\n");
    host.complains(Level::Bad, "vtpmmgr.cfg is for a TPM 2.0, and", "--hardware none --force");
}

#[test]
fn a_guest_s_kernel_is_judged_by_its_configuration() {
    let host = Host(tempfile::tempdir().unwrap());
    let look = |path: &str| super::guest_kernel::look(&host.path(path));
    let bad = |path: &str, says: &str| {
        let found = look(path);
        assert!(found[0].level == Level::Bad && found[0].says.contains(says), "{found:#?}");
    };
    host.write("boot/config-6.1", "CONFIG_TCG_XEN=m\nCONFIG_IMA=y\nCONFIG_TCG_VTPM_PROXY=m\n");
    let debian = look("");
    assert_eq!(debian.iter().map(|f| f.level).collect::<Vec<_>>(), [Level::Good, Level::Note]);
    assert!(debian[1].says.contains("IMA starts before"), "{debian:#?}");
    host.write("mine", "CONFIG_TCG_XEN=y\nCONFIG_IMA=y\nCONFIG_TCG_VTPM_PROXY=y\n");
    assert_eq!(look("mine").len(), 1);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"CONFIG_TCG_XEN=y\n").unwrap();
    host.bytes("packed.gz", &packed.finish().unwrap());
    assert!(look("packed.gz")[1].says.contains("/dev/vtpmx"));
    host.write("without", "CONFIG_TCG_TPM=y\n# CONFIG_TCG_XEN is not set\n");
    bad("without", "CONFIG_TCG_XEN is not set");
    host.write("vmlinuz", "MZ\n");
    bad("vmlinuz", "no configuration of a kernel");
    bad("nowhere", "cannot be read");
    host.write("empty/x", "");
    bad("empty", "holds no config-");
}
