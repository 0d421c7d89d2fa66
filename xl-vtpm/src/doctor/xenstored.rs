//! The xenstore daemon and its quotas.

use super::{Finding, Machine};
use crate::consoles::option;

const TOPIC: &str = "xenstored";

/// What both daemons allow a domain unless they are told otherwise: nodes that it owns.
const USUAL_NODES: u32 = 1000;

/// Nodes of a manager besides those of its devices, and for each device
/// (docs/decisions/0180-many-devices-at-one-manager.md: 108 devices of nine nodes fill 1000; the tenth names the
/// image).
const NODES_OF_A_DEVICE: u32 = 10;

/// What the daemon allows.
struct Daemon {
    name: &'static str,
    nodes: Option<u32>,
    /// How more nodes are allowed.
    raise: &'static str,
}

pub(super) fn look(machine: &Machine) -> Option<Finding> {
    machine.xen()?;
    let Some(daemon) = of_ocaml(machine).or_else(|| of_c(machine)) else {
        return Some(Finding::bad(
            TOPIC,
            "no xenstore daemon runs in domain 0",
            "service xen start; where it runs in a domain of its own, nothing has to be done",
        ));
    };
    let Daemon { name, nodes, raise } = daemon;
    Some(match nodes {
        Some(0) => Finding::good(TOPIC, format!("{name} runs, without a quota")),
        Some(nodes) if nodes < USUAL_NODES => Finding::bad(
            TOPIC,
            format!("{name} allows a domain {nodes} nodes: too few for a manager of many vTPMs"),
            format!("{raise}, and restart the machine"),
        ),
        Some(nodes) => Finding::good(
            TOPIC,
            format!(
                "{name} runs and allows a domain {nodes} nodes: {} vTPMs at one manager have all \
                 their nodes, further ones are served without. For more: {raise}",
                nodes / NODES_OF_A_DEVICE - 3
            ),
        ),
        None => Finding::note(
            TOPIC,
            format!("{name} runs, and its quota cannot be read"),
            format!("see that a domain may have {USUAL_NODES} nodes or more: {raise}"),
        ),
    })
}

fn of_ocaml(machine: &Machine) -> Option<Daemon> {
    let words = machine.process(&["oxenstored"])?;
    let given = option(&words, "--config-file");
    let file = given.unwrap_or_else(|| "/etc/xen/oxenstored.conf".into());
    let text = machine.text(file.trim_start_matches('/'));
    let setting = |name: &str| {
        let text = text.as_deref()?;
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
    };
    let off = setting("quota-activate").is_some_and(|word| word == "false");
    let nodes = setting("quota-maxentity").map_or(Some(USUAL_NODES), |text| text.parse().ok());
    Some(Daemon {
        name: "oxenstored",
        nodes: if off { Some(0) } else { nodes },
        raise: "quota-maxentity in /etc/xen/oxenstored.conf",
    })
}

fn of_c(machine: &Machine) -> Option<Daemon> {
    let words = machine.process(&["xenstored"])?;
    let given = option(&words, "--entry-nb").or_else(|| option(&words, "-E"));
    let nodes = given.map_or(Some(USUAL_NODES), |text| text.parse().ok());
    Some(Daemon {
        name: "xenstored (the C daemon)",
        nodes,
        raise: "XENSTORED_ARGS=\"--entry-nb NUMBER\" in /etc/default/xen",
    })
}
