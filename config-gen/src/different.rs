//! Two domains of one name, or two vTPMs of one identity or on one disk, would ruin each other.

use crate::plan::{Plan, Vtpm};
use crate::wanted::{Guest, Text, Wanted};
use anyhow::Result;
use libxl_vtpm::text::Place;
use std::collections::HashMap;
use std::ops::Range;

/// Something that one domain alone may have.
struct Claim {
    what: String,
    whose: String,
    at: Option<Range<usize>>,
    /// How whoever comes second gets out of the way.
    instead: String,
}

/// Sees that nothing is claimed twice.
///
/// # Errors
/// The place of the second claim, where the first one is, and what to do.
pub(crate) fn all(wanted: &Wanted, plan: &Plan) -> Result<()> {
    let mut seen: HashMap<String, Claim> = HashMap::new();
    let of_guests = plan.vtpms.iter().zip(&wanted.guest).flat_map(|(vtpm, guest)| of(vtpm, guest));
    for claim in of_manager(wanted, plan).into_iter().chain(of_guests) {
        let Claim { what, at, instead, .. } = &claim;
        if let Some(Claim { whose, at: first, .. }) = seen.get(what) {
            let first = first.as_ref().and_then(|span| wanted.place(span)).map(of_first);
            let first = first.unwrap_or_default();
            let said = format!("{what} is already that of {whose}{first}; {instead}");
            return Err(wanted.error(at.clone().unwrap_or_default(), said));
        }
        seen.insert(what.clone(), claim);
    }
    Ok(())
}

fn of_first(Place { line, column }: Place) -> String {
    format!(" (line {line}, column {column})")
}

fn of_manager(wanted: &Wanted, plan: &Plan) -> Vec<Claim> {
    let Some(manager) = &plan.manager else { return Vec::new() };
    let asked = wanted.manager.as_ref();
    let claim = |what, text: Option<&Text>| Claim {
        what,
        whose: format!("the manager \"{}\"", manager.name),
        at: text.map(Text::span),
        instead: String::new(),
    };
    vec![
        claim(name(&manager.name), asked.and_then(|asked| asked.name.as_ref())),
        claim(disk(&manager.disk), asked.and_then(|asked| asked.disk.as_ref())),
    ]
}

fn of(vtpm: &Vtpm, asked: &Guest) -> Vec<Claim> {
    let domain = format!("the vTPM domain \"{}\"", vtpm.name);
    // What was left out follows from the guest's name.
    let claim = |what, whose: &str, text: Option<&Text>, instead: &str| Claim {
        what,
        whose: whose.into(),
        at: Some(text.unwrap_or(&asked.name).span()),
        instead: instead.into(),
    };
    let guest = format!("the guest \"{}\"", vtpm.guest.name);
    let mut claims = vec![
        claim(
            name(&vtpm.guest.name),
            &guest,
            None,
            "give one of them another name, or take one of the two out",
        ),
        claim(
            name(&vtpm.name),
            &domain,
            asked.vtpm.as_ref(),
            "write another name for this vTPM's domain by vtpm=",
        ),
        claim(
            format!("the uuid {}", vtpm.uuid),
            &domain,
            asked.uuid.as_ref(),
            &another_uuid(vtpm, asked),
        ),
    ];
    if !vtpm.ephemeral {
        let told = "write another disk for this vTPM by vtpm_disk=";
        claims.push(claim(disk(&vtpm.disk), &domain, asked.vtpm_disk.as_ref(), told));
    }
    claims
}

/// Without a line of its own it is in a file of an earlier run: nothing else gives two vTPMs one uuid.
fn another_uuid(vtpm: &Vtpm, asked: &Guest) -> String {
    if asked.uuid.is_some() {
        return "take one of the two uuid= lines out to get a new one there".into();
    }
    format!(
        "it stands in {}; remove that file, if it was copied from the other's, to get a new one",
        vtpm.file.display()
    )
}

fn name(name: &str) -> String {
    format!("the name \"{name}\"")
}

fn disk(path: &str) -> String {
    format!("the disk {path}")
}

#[cfg(test)]
mod tests {
    use crate::files_of;
    use std::path::Path;

    /// What is said of these guests' keys, each guest on a line of its own.
    fn refused(head: &str, guests: &[&str]) -> String {
        let guests = guests.iter().map(|keys| format!("[[guest]]\nkernel='/k'\n{keys}\n"));
        let toml = format!("{head}{}", guests.collect::<String>());
        format!("{:#}", files_of(Path::new("/none/f.toml"), &toml).unwrap_err())
    }

    #[test]
    fn of_two_guests_of_one_name_the_second_is_refused_and_the_first_is_named() {
        let said = refused("", &["name='g'", "name='h'", "name = 'g'"]);
        let told = "/none/f.toml:9:8: the name \"g\" is already that of the guest \"g\" (line 3, column 6); \
                    give one of them another name, or take one of the two out";
        assert_eq!(said, told);
        let said = refused("", &["name='g'\nvtpm='a'", "name='g'\nvtpm='b'"]);
        assert!(said.starts_with("/none/f.toml:7:6: the name \"g\" is already"), "{said}");
    }

    #[test]
    fn a_uuid_in_a_copied_file_is_refused_by_that_file_s_name() {
        let folder = tempfile::tempdir().unwrap();
        let line = "vtpm=['backend=vtpmmgr,uuid=4f8cd7f3-1c0b-4d1f-8a46-2f0e5c9a7b11']\n";
        for file in ["g-vtpm.cfg", "h-vtpm.cfg"] {
            std::fs::write(folder.path().join(file), line).unwrap();
        }
        let toml = "[[guest]]\nname='g'\nkernel='/k'\n[[guest]]\nname='h'\nkernel='/k'\n";
        let said = files_of(&folder.path().join("f.toml"), toml).unwrap_err().to_string();
        assert!(
            said.contains("f.toml:5:6: the uuid 4f8cd7f3") && said.contains("(line 2, "),
            "{said}"
        );
        let todo = format!("stands in {}; remove", folder.path().join("h-vtpm.cfg").display());
        assert!(said.contains(&todo), "{said}");
    }

    #[test]
    fn names_uuids_and_disks_are_refused_at_their_own_places() {
        let uuid = "name='UUID'\nuuid='4f8cd7f3-1c0b-4d1f-8a46-2f0e5c9a7b11'";
        for (head, guests, place, says) in [
            (
                "",
                ["name='g'", "name='h'\nvtpm='g'"],
                ":7:6: ",
                "the guest \"g\" (line 3, column 6)",
            ),
            (
                "",
                ["name='g'\nvtpm='h'", "name='h'"],
                ":7:6: ",
                "the vTPM domain \"h\" (line 4, column 6)",
            ),
            (
                "",
                [&*uuid.replace("UUID", "g"), &*uuid.replace("UUID", "h")],
                ":8:6: ",
                "that of the vTPM domain \"g-vtpm\" (line 4, column 6); take one",
            ),
            (
                "",
                ["name='g'\nvtpm_disk='/d'", "name='h'\nvtpm_disk='/d'"],
                ":8:11: ",
                "the disk /d is already that of the vTPM domain \"g-vtpm\" (line 4, column 11)",
            ),
            (
                "[manager]\nname='m'\n",
                ["name='g'", "name='m'"],
                ":8:6: ",
                "the manager \"m\" (line 2, column 6); give one of them another name",
            ),
            ("", ["name='g'", "name='vtpmmgr'"], ":6:6: ", "of the manager \"vtpmmgr\"; give"),
        ] {
            let said = refused(head, &guests);
            assert!(said.contains(place) && said.contains(says), "{guests:?}: {said}");
        }
    }
}
