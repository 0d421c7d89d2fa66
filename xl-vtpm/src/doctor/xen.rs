//! The hypervisor.

use super::{Finding, Machine};
use libxl_vtpm::text::settings;
use xenlight_sys::XenRelease;

const TOPIC: &str = "Xen";

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let Some(release) = machine.xen() else {
        return vec![Finding::bad(
            TOPIC,
            "this machine does not run Xen",
            "apt install xen-system-amd64, and start the machine by the Xen entry of its boot menu",
        )];
    };
    let mut found = vec![version(&release), domain_0(machine)];
    found.extend(modes(machine));
    found.extend(format(machine));
    found.extend(xsm(machine, &release));
    found
}

fn version(release: &str) -> Finding {
    let known = XenRelease::ALL.map(XenRelease::numbers);
    if known.contains(&release) {
        return Finding::good(TOPIC, format!("Xen {release} runs"));
    }
    let known = known.join(" and ");
    Finding::bad(
        TOPIC,
        format!("Xen {release} runs, which these tools do not know; they know {known}"),
        "use the tools that came for your Xen",
    )
}

fn domain_0(machine: &Machine) -> Finding {
    if machine.roots.is_domain_0() {
        return Finding::good("domain 0", "this is domain 0");
    }
    Finding::bad(
        "domain 0",
        "this is a guest of Xen, and not domain 0",
        "run this in domain 0; in a guest there is nothing to set up but modprobe xen-tpmfront",
    )
}

fn modes(machine: &Machine) -> Vec<Finding> {
    let topic = "modes";
    let Some(capabilities) = machine.xl_says("virt_caps") else {
        return vec![Finding::bad(
            topic,
            "xl info says nothing of what this processor can do",
            "run this as root, with Xen's tools installed: apt install xen-utils-common",
        )];
    };
    let has = |word: &str| capabilities.split_whitespace().any(|known| known == word);
    let pv = "write type = \"pv\" into [host] of the TOML file, so that manager and vTPM domains run \
              as PV domains";
    vec![if !has("hvm") {
        Finding::note(
            topic,
            "this processor has no hardware virtualisation, or firmware has switched it off: PV \
             domains only",
            pv,
        )
    } else if !has("hap") {
        Finding::note(topic, "PVH domains run without hardware assisted paging (HAP), slowly", pv)
    } else {
        Finding::good(topic, "domains may be PVH (with hardware assisted paging) and PV")
    }]
}

/// What xl prints of domains has to be JSON (xl.conf(5)).
fn format(machine: &Machine) -> Option<Finding> {
    let conf = settings(&machine.text("etc/xen/xl.conf")?).ok()?;
    (conf.text("output_format")? == "sxp").then(|| {
        Finding::bad(
            "xl.conf",
            "/etc/xen/xl.conf has xl tell of domains in SXP, which these tools do not read",
            "take output_format= out of /etc/xen/xl.conf",
        )
    })
}

fn xsm(machine: &Machine, release: &str) -> Option<Finding> {
    let config = machine.text(&format!("boot/xen-{release}-amd64.config"))?;
    let built = config.lines().any(|line| line == "CONFIG_XSM=y");
    let flask = machine.xl_says("xen_commandline").is_some_and(|line| line.contains("flask="));
    let topic = "XSM";
    Some(match (built, flask) {
        (true, true) => {
            Finding::good(topic, "XSM is built in, and its command line names a policy")
        }
        (true, false) => Finding::note(
            topic,
            "XSM is built in and not used: a vTPM is known by the uuid that domain 0 gives it",
            "nothing has to be done; flask=enforcing on Xen's command line turns it on",
        ),
        (false, _) => Finding::good(
            topic,
            "Xen is built without XSM: a vTPM is known by the uuid that domain 0 gives it, and \
             locality= by label is for nobody",
        ),
    })
}
