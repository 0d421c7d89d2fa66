//! The hardware TPM.

use super::{Finding, Machine};
use hardware_tpm::{Error, Lines, Survey};
use libxl_vtpm::text::settings;

const TOPIC: &str = "hardware TPM";

/// Where vtpm-config-gen and xl-vtpm new leave the manager's file.
const MANAGER_FILE: &str = "etc/xen/vtpm/vtpmmgr.cfg";

const WITHOUT: &str = "xl-vtpm new GUEST --guest-config FILE --hardware none";

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
            let has = manager_has(machine);
            vec![
                held(&survey, &lines),
                has.map_or_else(|| to_be_written(&lines), |has| written(&has, &lines)),
            ]
        }
        Err(error) => match manager_has(machine) {
            Some(has) => vec![wanted_in_vain(&has, &error)],
            None => vec![cannot_be_used(&error)],
        },
    }
}

/// What the manager's file has of a hardware TPM.
struct Has {
    iomem: String,
    version: &'static str,
}

/// `None` without a file, or where it is without a hardware TPM.
fn manager_has(machine: &Machine) -> Option<Has> {
    let found = settings(&machine.text(MANAGER_FILE)?).ok()?;
    let pages: Vec<_> = found.list("iomem").into_iter().map(|item| item.text.clone()).collect();
    let extra = found.text("extra").unwrap_or_default();
    let has = |wanted: &str| extra.split_whitespace().any(|word| word == wanted);
    if pages.is_empty() || has("hwtpm=none") || has("hwtpm=tpmfront") {
        return None;
    }
    let version = if has("tpm2") { "2.0" } else { "1.2" };
    Some(Has { iomem: format!("iomem=[{}]", quoted(&pages)), version })
}

fn wanted_in_vain(has: &Has, error: &Error) -> Finding {
    Finding::bad(
        TOPIC,
        format!("/{MANAGER_FILE} is for a TPM {}, and {error}", has.version),
        format!("before the manager's first start: rm /{MANAGER_FILE}, and {WITHOUT} --force"),
    )
}

fn cannot_be_used(error: &Error) -> Finding {
    let error = error.to_string();
    let (why, next) = match error.split_once("; ") {
        Some((why, next)) if next.contains("--hardware none") => (why, next),
        _ => (&*error, WITHOUT),
    };
    let todo = format!(
        "{next}; whoever reads the disk of a manager without a TPM has the secrets of all vTPMs"
    );
    Finding::note(TOPIC, why, todo)
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

/// Whether the manager's file has the TPM that firmware names.
fn written(has: &Has, lines: &Lines) -> Finding {
    let (wanted, version) = (lines.iomem(), lines.version().to_string());
    if has.iomem == wanted && has.version == version {
        let says =
            format!("/{MANAGER_FILE} has this machine's registers, {wanted}, for a TPM {version}");
        return Finding::good("TPM lines", says);
    }
    Finding::bad(
        "TPM lines",
        format!(
            "/{MANAGER_FILE} has {} for a TPM {}, and firmware says {wanted} and a TPM {version}",
            has.iomem, has.version
        ),
        "replace iomem= and extra= there by what vtpm-hwtpm lines prints",
    )
}

fn quoted(items: &[String]) -> String {
    items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(",")
}
