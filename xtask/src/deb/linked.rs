//! What the programs of a package need of the system that they run on.

use super::files::Entry;
use anyhow::{Context, Result, bail, ensure};
use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64, VER_FLG_WEAK};
use object::read::elf::{Dyn, FileHeader, SectionTable};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The C library of Debian 12, the oldest release that is served.
const NEWEST_GLIBC: (u32, u32) = (2, 36);

type Elf = FileHeader64<Endianness>;

/// What one program needs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Needs {
    libraries: BTreeSet<String>,
    glibc: (u32, u32),
}

/// The packages, with versions, that the programs among `entries` are linked with.
///
/// # Errors
/// A program that needs a newer C library than Debian 12's, or a library that is not expected.
pub(super) fn needs(tree: &Path, entries: &[Entry]) -> Result<Vec<String>> {
    let mut all = Needs::default();
    for entry in entries.iter().filter(|entry| entry.is_program()) {
        let bytes = fs::read(tree.join(&entry.path))?;
        let own = of(&bytes).with_context(|| entry.path.clone())?;
        all.libraries.extend(own.libraries);
        all.glibc = all.glibc.max(own.glibc);
    }
    packages(&all)
}

fn packages(needs: &Needs) -> Result<Vec<String>> {
    let mut packages = BTreeSet::new();
    for library in &needs.libraries {
        packages.insert(match library.as_str() {
            "libc.so.6" | "libm.so.6" | "ld-linux-x86-64.so.2" => {
                format!("libc6 (>= {}.{})", needs.glibc.0, needs.glibc.1)
            }
            "libgcc_s.so.1" => "libgcc-s1".into(),
            other => bail!("a program is linked with {other}, which no package is known for"),
        });
    }
    Ok(packages.into_iter().collect())
}

fn of(program: &[u8]) -> Result<Needs> {
    let header = Elf::parse(program).context("not an ELF program")?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    Ok(Needs {
        libraries: libraries(&sections, endian, program)?,
        glibc: glibc(&sections, endian, program)?,
    })
}

fn libraries(
    sections: &SectionTable<'_, Elf>,
    endian: Endianness,
    program: &[u8],
) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let Some((entries, strings)) = sections.dynamic(endian, program)? else { return Ok(found) };
    let strings = sections.strings(endian, program, strings)?;
    for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
        found.insert(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned());
    }
    Ok(found)
}

/// The newest version of the C library that a symbol asks for.
fn glibc(
    sections: &SectionTable<'_, Elf>,
    endian: Endianness,
    program: &[u8],
) -> Result<(u32, u32)> {
    let mut newest = (0, 0);
    let Some((mut files, strings)) = sections.gnu_verneed(endian, program)? else {
        return Ok(newest);
    };
    let strings = sections.strings(endian, program, strings)?;
    while let Some((_, mut versions)) = files.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?).into_owned();
            let Some(number) = name.strip_prefix("GLIBC_").and_then(number) else { continue };
            let weak = version.vna_flags.get(endian).0 & VER_FLG_WEAK.0 != 0;
            ensure!(
                weak || number <= NEWEST_GLIBC,
                "needs {name}; Debian 12 has {}.{}: build on Debian 12, or on a system that is no newer",
                NEWEST_GLIBC.0,
                NEWEST_GLIBC.1
            );
            if !weak {
                newest = newest.max(number);
            }
        }
    }
    Ok(newest)
}

/// `2.34` and `2.2.5`.
fn number(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_needs_the_c_library_in_a_version_that_exists() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        match of(&program) {
            Ok(needs) => {
                assert!(needs.libraries.contains("libc.so.6"), "{needs:?}");
                assert!(needs.glibc >= (2, 14), "{needs:?}");
            }
            Err(error) => assert!(error.to_string().contains("Debian 12 has"), "{error}"),
        }
    }

    #[test]
    fn a_library_becomes_its_package_and_an_unknown_one_is_named() {
        let mut needs = Needs { glibc: (2, 34), ..Needs::default() };
        assert!(packages(&needs).unwrap().is_empty());
        needs.libraries = ["libc.so.6", "libm.so.6", "libgcc_s.so.1"].map(String::from).into();
        assert_eq!(packages(&needs).unwrap(), ["libc6 (>= 2.34)", "libgcc-s1"]);
        needs.libraries.insert("libxenlight.so.4.17".into());
        assert!(packages(&needs).unwrap_err().to_string().contains("libxenlight.so.4.17"));
    }
}
