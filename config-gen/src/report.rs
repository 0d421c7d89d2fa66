//! What is said at the end.

use crate::arguments::Arguments;
use crate::plan::Plan;
use crate::render::File;
use serde_json::json;
use std::collections::BTreeSet;

/// For people or as JSON.
pub(crate) fn of(plan: &Plan, files: &[File], arguments: &Arguments) -> String {
    if arguments.json {
        as_json(plan, files, arguments)
    } else {
        for_people(plan, files, arguments)
    }
}

fn as_json(plan: &Plan, files: &[File], arguments: &Arguments) -> String {
    let files = files.iter().map(|file| {
        let mut entry = json!({ "path": file.path, "kind": file.kind });
        if let Some(remark) = &file.remark {
            entry["remark"] = json!(remark);
        }
        if arguments.dry_run {
            entry["text"] = json!(file.text);
        }
        entry
    });
    let vtpms = plan.vtpms.iter().map(|vtpm| {
        json!({
            "name": vtpm.name,
            "guest": vtpm.guest.name,
            "uuid": vtpm.uuid.to_string(),
            "disk": (!vtpm.ephemeral).then_some(&vtpm.disk),
        })
    });
    let whole = json!({
        "written": !arguments.dry_run,
        "files": files.collect::<Vec<_>>(),
        "kept": kept(plan).into_iter().collect::<Vec<_>>(),
        "vtpms": vtpms.collect::<Vec<_>>(),
        "type": plan.kind,
        "type_is_guessed": plan.kind_is_guessed,
    });
    format!("{whole:#}\n")
}

/// The manager's file, where it was there and is left alone.
fn kept(plan: &Plan) -> Option<String> {
    let manager = plan.manager.as_ref().filter(|manager| manager.stays)?;
    Some(manager.file.display().to_string())
}

fn for_people(plan: &Plan, files: &[File], arguments: &Arguments) -> String {
    let mut said = String::new();
    let mut line = |text: String| said.push_str(&(text + "\n"));
    for file in files {
        if arguments.dry_run {
            line(format!("==> {} <==\n{}", file.path.display(), file.text));
        } else {
            let remark =
                file.remark.as_ref().map_or_else(String::new, |remark| format!(" ({remark})"));
            line(format!("{}{remark}", file.path.display()));
        }
    }
    if let Some(kept) = kept(plan) {
        line(format!("{kept} is there and stays as it is"));
    }
    if plan.kind_is_guessed {
        let place = match arguments.file {
            Some(_) => "below [host]",
            None => "in the files of vTPM and manager, and take shadow_memory out of them",
        };
        line(format!(
            "type = \"{}\" is a guess, since this machine cannot be asked; for a host without hardware \
             assisted paging (xl info has no hap in virt_caps) write type = \"pv\" {place}",
            plan.kind
        ));
    }
    line("\nTo start everything:".into());
    for folder in folders(plan) {
        line(format!("  mkdir -p -m 700 {}", as_typed(folder)));
    }
    if let Some(manager) = &plan.manager {
        // A file of an earlier run may have no script that makes it.
        if !plan.checks_disks || plan.allocated || manager.stays {
            image(plan, &manager.disk, 16).map(&mut line);
        }
        line(format!("  xl create {}", as_typed(&manager.file.display().to_string())));
    }
    for vtpm in &plan.vtpms {
        if !vtpm.ephemeral && (!plan.checks_disks || plan.allocated) {
            image(plan, &vtpm.disk, 2).map(&mut line);
        }
        line(format!("  xl create {}", as_typed(&vtpm.file.display().to_string())));
        line(format!(
            "  xenstore-read /local/domain/$(xl domid {})/data/vtpm/state    # until it says ready",
            vtpm.name
        ));
        line(format!("  xl create {}", as_typed(&vtpm.guest.file.display().to_string())));
    }
    said
}

/// The command that makes an image where there is none yet; a block device is there.
fn image(plan: &Plan, disk: &str, mib: u32) -> Option<String> {
    let make = if plan.allocated { "fallocate -l" } else { "truncate -s" };
    let typed = as_typed(disk);
    let command = || format!("  test -e {typed} || (umask 077; {make} {mib}M {typed})");
    (!disk.starts_with("/dev/")).then(command)
}

/// A path as a shell has to be given it.
#[must_use]
pub fn as_typed(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if path.chars().all(plain) { path.into() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// The folders of all disk images that are no block devices.
fn folders(plan: &Plan) -> BTreeSet<&str> {
    let managers = plan.manager.iter().map(|manager| &manager.disk);
    let vtpms = plan.vtpms.iter().filter(|vtpm| !vtpm.ephemeral).map(|vtpm| &vtpm.disk);
    let files = managers.chain(vtpms).filter(|disk| !disk.starts_with("/dev/"));
    files.filter_map(|disk| disk.rsplit_once('/')).map(|(folder, _)| folder).collect()
}

#[test]
fn a_path_with_spaces_can_be_typed_as_it_is_said() {
    assert_eq!(as_typed("/etc/xen/vtpm/g-1.cfg"), "/etc/xen/vtpm/g-1.cfg");
    assert_eq!(as_typed("o 2/g.cfg"), "'o 2/g.cfg'");
    assert_eq!(as_typed("it's"), r"'it'\''s'");
}
