//! Answers, for people and as JSON.

use hardware_tpm::{
    Chip, Error, GivenBack, KernelUser, Lines, Reach, Released, Survey, Table, User,
};
use serde_json::{Value, json};
use std::path::Path;

/// In which of the two forms answers are given.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    fn print(self, value: &Value, text: impl FnOnce()) {
        if self.json { println!("{value}") } else { text() }
    }

    pub(crate) fn nothing(self, why: &str) {
        self.print(&json!({ "released": null, "why": why }), || println!("{why}"));
    }

    pub(crate) fn status(self, survey: &Survey) {
        let lines = survey.lines();
        let value = json!({
            "domain_0": survey.domain_0,
            "tpms": survey.chips.iter().map(chip).collect::<Vec<_>>(),
            "table": survey.table.as_ref().map(table),
            "reserved": survey.reserved.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "users": survey.users.iter().map(user).collect::<Vec<_>>(),
            "kernel_users": kernel_users(&survey.kernel_users),
            "kept": { "systemd": survey.kept.systemd, "sysvinit": survey.kept.sysvinit },
            "lines": lines.as_ref().ok().map(lines_json),
            "refused": lines.as_ref().err().map(ToString::to_string),
            "next": next(survey, lines.as_ref()),
        });
        self.print(&value, || status(survey));
    }

    pub(crate) fn released(self, released: Option<&Released>) {
        let Some(released) = released else {
            return self.nothing("no driver holds the TPM; there is nothing to release");
        };
        let lost = kernel_users(&released.lost);
        let manager = released.manager.as_deref();
        let value = json!({ "released": chip(&released.chip), "lost": lost, "manager": manager });
        self.print(&value, || {
            println!("released: it was {}", released.chip);
            released.lost.iter().for_each(|user| println!("lost: {user}"));
            match manager {
                None => println!("next: vtpm-hwtpm lines, vtpm-hwtpm keep, and start the manager"),
                Some(domain) => println!(
                    "next: vtpm-hwtpm keep; domain {domain} is a manager that has shared the TPM with that driver \
                     until now: end it and start it anew"
                ),
            }
        });
    }

    pub(crate) fn given_back(self, given: &GivenBack) {
        let value = json!({ "holder": chip(&given.chip), "already": given.already });
        let word = if given.already { "domain 0 has it already" } else { "given back" };
        self.print(&value, || println!("{word}: {}", given.chip));
    }

    pub(crate) fn kept(self, program: &Path) {
        let value = json!({ "kept": true, "program": program.display().to_string() });
        self.print(&value, || {
            println!("at each boot from now on: {} release --at-boot", program.display());
            if !program.starts_with("/usr") {
                println!("this file must stay there; /usr/local/sbin is a better place");
            }
        });
    }

    pub(crate) fn unkept(self, any: bool) {
        self.print(&json!({ "kept": false, "removed": any }), || {
            println!("{}", if any { "removed" } else { "there was nothing to remove" });
        });
    }

    pub(crate) fn lines(self, lines: &Lines) {
        self.print(&lines_json(lines), || println!("{lines}"));
    }
}

fn status(survey: &Survey) {
    let row = |name: &str, what: &dyn std::fmt::Display| println!("{name:<14} {what}");
    for chip in &survey.chips {
        let version = chip.version.map_or_else(|| "TPM".into(), |version| format!("TPM {version}"));
        let what = if chip.reach() == Reach::Virtual {
            "another domain's or a program's"
        } else {
            "hardware"
        };
        row(&chip.name, &format_args!("{what} {version}: {chip}"));
    }
    let lines = survey.lines();
    match (survey.holder(), &lines) {
        (None, Err(Error::NoTpm)) => row("hardware TPM", &"none"),
        (None, _) => row("held by", &"no driver of domain 0's"),
        (Some(_), _) => {}
    }
    match &survey.table {
        Some(table) => row("firmware", &said(table)),
        None => row("firmware", &"announces no TPM in its ACPI tables"),
    }
    survey.reserved.iter().for_each(|range| row("reserved", range));
    survey.users.iter().for_each(|user| row("open by", user));
    survey.kernel_users.iter().for_each(|user| row("in the kernel", user));
    row("at boot", &at_boot(survey, &lines));
    if let Err(why) = &lines {
        let why = why.to_string();
        row("refused", &why.split_once("; ").map_or(&*why, |(what, _)| what));
    }
    if let Some(next) = next(survey, lines.as_ref()) {
        row("next", &next);
    }
}

fn at_boot(survey: &Survey, lines: &Result<Lines, Error>) -> &'static str {
    match (survey.kept.systemd || survey.kept.sysvinit, lines) {
        (false, Err(Error::NoTpm)) => "nothing is done",
        (true, Err(Error::NoTpm)) => "is released, should there be one",
        (false, _) => "stays with domain 0",
        (true, _) => "is released",
    }
}

/// What to do now, if anything can be done.
fn next(survey: &Survey, lines: Result<&Lines, &Error>) -> Option<String> {
    match lines {
        Ok(_) if survey.holder().is_none() => Some("vtpm-hwtpm lines".into()),
        Ok(_) if survey.users.is_empty() => Some("vtpm-hwtpm release".into()),
        Ok(_) => Some("stop what has it open".into()),
        Err(why) => Some(why.to_string().split_once("; ")?.1.to_owned()),
    }
}

fn said(table: &Table) -> String {
    let method = table.start_method();
    let method = method.map_or_else(String::new, |method| format!(", start method {method}"));
    let log = table.log().map_or_else(String::new, |log| {
        format!(", its log at {:#x}, {} KiB", log.address, log.bytes / 1024)
    });
    format!("TPM {} in table {}{method}{log}", table.version(), table.name())
}

fn chip(chip: &Chip) -> Value {
    json!({
        "name": chip.name,
        "driver": chip.driver,
        "bus": chip.bus,
        "device": chip.device,
        "version": chip.version.map(|version| version.to_string()),
        "reach": match chip.reach() {
            Reach::Mapped => "mapped",
            Reach::Otherwise => "otherwise",
            Reach::Virtual => "virtual",
        },
    })
}

fn table(table: &Table) -> Value {
    let control = match table {
        Table::Tpm2 { control_area, .. } => Some(format!("{control_area:#x}")),
        Table::Tcpa { .. } => None,
    };
    json!({
        "name": table.name(),
        "version": table.version().to_string(),
        "start_method": table.start_method().map(|method| method.0),
        "control_area": control,
        "log": table.log().map(|log| json!({
            "address": format!("{:#x}", log.address), "bytes": log.bytes,
        })),
    })
}

fn user(user: &User) -> Value {
    json!({ "pid": user.pid, "program": user.program, "path": user.path })
}

fn kernel_users(users: &[KernelUser]) -> Vec<Value> {
    let one = |user: &KernelUser| json!({ "name": user.name(), "what": user.to_string() });
    users.iter().map(one).collect()
}

fn lines_json(lines: &Lines) -> Value {
    json!({
        "version": lines.version().to_string(),
        "iomem": lines.iomem(),
        "extra": lines.extra(),
        "words": lines.words(),
    })
}
