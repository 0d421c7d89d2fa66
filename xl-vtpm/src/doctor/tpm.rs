//! The hardware TPM.

use super::{Finding, Machine};
use hardware_tpm::{Error, Lines, Survey};
use libxl_vtpm::text::settings;

const TOPIC: &str = "hardware TPM";

/// Where vtpm-config-gen and xl-vtpm new leave the manager's file.
const MANAGER_FILE: &str = "etc/xen/vtpm/vtpmmgr.cfg";

pub(super) fn look(machine: &Machine) -> Vec<Finding> {
    let survey = match Survey::take(&machine.roots) {
        Ok(survey) => survey,
        Err(error) => {
            let todo = "run this as root; vtpm-hwtpm status says more";
            return vec![Finding::bad(TOPIC, error.to_string(), todo)];
        }
    };
    match survey.lines() {
        Ok(lines) => {
            let mut found = vec![held(&survey, &lines), to_be_written(&lines)];
            found.extend(written(machine, &lines));
            found
        }
        Err(error) => vec![cannot_be_used(&error)],
    }
}

fn cannot_be_used(error: &Error) -> Finding {
    let without = "a manager with hardware = \"none\" (hwtpm=none) runs without; then whoever reads its \
                   disk has the secrets of all vTPMs";
    Finding::note(TOPIC, error.to_string(), without)
}

fn held(survey: &Survey, lines: &Lines) -> Finding {
    let version = lines.version();
    let Some(chip) = survey.holder() else {
        let says = format!("there is a TPM {version}, and no driver of domain 0 holds it");
        if survey.kept.systemd || survey.kept.sysvinit {
            return Finding::good(TOPIC, says + ", at later boots neither");
        }
        let todo = "domain 0 may take it at its next boot: vtpm-hwtpm keep";
        return Finding::note(TOPIC, says, todo);
    };
    let says = format!(
        "domain 0's driver {} holds the TPM {version} ({}), so that the manager cannot have it",
        chip.driver, chip.device
    );
    let release = "vtpm-hwtpm release (no reboot is needed), then vtpm-hwtpm keep";
    let users: Vec<_> = survey.users.iter().map(ToString::to_string).collect();
    match &users[..] {
        [] => Finding::bad(TOPIC, says, release),
        _ => Finding::bad(TOPIC, says, format!("stop {} first; {release}", users.join(", "))),
    }
}

fn to_be_written(lines: &Lines) -> Finding {
    let says = format!("its firmware's tables ask for these lines in the manager's file:\n{lines}");
    Finding::good("TPM lines", says)
}

/// Whether the manager's file has the pages that firmware names.
fn written(machine: &Machine, lines: &Lines) -> Option<Finding> {
    let text = machine.text(MANAGER_FILE)?;
    let found = settings(&text).ok()?;
    let has: Vec<_> = found.list("iomem").into_iter().map(|item| item.text.clone()).collect();
    let wanted = lines.iomem();
    let whole = format!("iomem=[{}]", quoted(&has));
    if has.is_empty() || whole == wanted {
        return None;
    }
    Some(Finding::bad(
        "TPM lines",
        format!("/{MANAGER_FILE} has {whole}, and firmware says {wanted}"),
        "replace iomem= and extra= there by what vtpm-hwtpm lines prints",
    ))
}

fn quoted(items: &[String]) -> String {
    items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(",")
}
