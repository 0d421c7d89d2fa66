//! Builds images: the files that `kernel=` of a domain's configuration names.

use crate::{image_check, native, steps};
use anyhow::{Context, Result, ensure};
use flate2::{Compression, GzBuilder};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Every image there is.
pub(crate) const ALL: [&str; 4] =
    ["hello-stubdom", "hostile-stubdom", "vtpm-stubdom", "vtpmmgr-stubdom"];

/// What an image may take, packed: it is copied into every vTPM domain that starts.
const BUDGET_BYTES: usize = 1_500_000;

const TARGET: &str = "x86_64-unknown-none";

/// Builds the named image crates, checks them and leaves each as `target/images/NAME.gz`. The same
/// sources give the same bytes, wherever they lie.
///
/// # Errors
/// What could not be built, or what is wrong with an image.
pub(crate) fn build(names: &[&str]) -> Result<()> {
    let folder = steps::target().join("images");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for name in names {
        compile(name)?;
        let linked = steps::target().join(TARGET).join("image").join(name);
        let image = fs::read(&linked).with_context(|| format!("{}", linked.display()))?;
        image_check::check(&image).with_context(|| format!("image {name}"))?;
        says_what_it_is(name, &image)?;
        let packed = gzip(&without_sections(&image)?)?;
        ensure!(
            packed.len() <= BUDGET_BYTES,
            "image {name} takes {} bytes packed, {BUDGET_BYTES} is its budget",
            packed.len()
        );
        let file = folder.join(format!("{name}.gz"));
        fs::write(&file, &packed).with_context(|| format!("cannot write {}", file.display()))?;
        let sum = native::sha256_of(&file)?;
        println!("{} ({} bytes, SHA-256 {sum})", file.display(), packed.len());
    }
    Ok(())
}

/// Every image that is for users says its name and version in a note, and one with the engine its C
/// libraries.
fn says_what_it_is(name: &str, image: &[u8]) -> Result<()> {
    let note = image_check::package_note(image)?;
    let lacks = match name {
        "hello-stubdom" | "hostile-stubdom" => None,
        "vtpm-stubdom" => ["libtpms", "openssl"].into_iter().find(|word| !says(&note, word)),
        _ => (!says(&note, name)).then_some(name),
    };
    ensure!(lacks.is_none(), "image {name} does not say its {lacks:?}, but {note:?}");
    if let Some(note) = note {
        println!("{note}");
    }
    Ok(())
}

fn says(note: &Option<String>, word: &str) -> bool {
    let unknown = format!("\"{word}\":\"unknown\"");
    note.as_ref().is_some_and(|note| note.contains(word) && !note.contains(&unknown))
}

/// Lints what of the images is compiled for their target only.
///
/// # Errors
/// What clippy finds.
pub(crate) fn lint() -> Result<()> {
    let mut cargo = steps::cargo(["clippy", "--quiet", "--locked", "--target", TARGET]);
    cargo.args(ALL.iter().flat_map(|name| ["--package", name]));
    steps::run(cargo.args(["--", "-D", "warnings"]))
}

fn compile(name: &str) -> Result<()> {
    let mut cargo =
        steps::cargo(["build", "--locked", "--profile", "image", "--target", TARGET, "-p", name]);
    // The variable outranks RUSTFLAGS.
    steps::run(cargo.env("CARGO_ENCODED_RUSTFLAGS", without_paths()?.join("\x1f")))
}

/// Flags of the compiler that keep paths of this machine out of what is built.
///
/// # Errors
/// When nobody says where cargo keeps sources.
pub(crate) fn without_paths() -> Result<[String; 2]> {
    Ok([
        format!("--remap-path-prefix={}=/project", steps::root().display()),
        format!("--remap-path-prefix={}=/cargo", cargo_home()?.display()),
    ])
}

fn cargo_home() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(home)
        .context("neither CARGO_HOME nor HOME is set")
}

/// The file up to the end of its last segment, without a section table: what a loader reads.
fn without_sections(image: &[u8]) -> Result<Vec<u8>> {
    use object::Endianness;
    use object::read::elf::{ElfFile64, ProgramHeader};

    const SECTION_TABLE_OFFSET: usize = 0x28;
    const SECTION_COUNT: usize = 0x3c;
    const SECTION_NAMES: usize = 0x3e;

    let file: ElfFile64<'_, Endianness> = ElfFile64::parse(image)?;
    let endian = file.endian();
    let ends = file.elf_program_headers().iter();
    let ends =
        ends.map(|segment| segment.p_offset(endian).saturating_add(segment.p_filesz(endian)));
    let end = usize::try_from(ends.max().unwrap_or(0))?;
    ensure!(end > SECTION_NAMES + 2 && end <= image.len(), "a segment lies outside of the file");
    let mut stripped = image[..end].to_vec();
    stripped[SECTION_TABLE_OFFSET..SECTION_TABLE_OFFSET + 8].fill(0);
    stripped[SECTION_COUNT..SECTION_COUNT + 2].fill(0);
    stripped[SECTION_NAMES..SECTION_NAMES + 2].fill(0);
    Ok(stripped)
}

/// As `gzip -9n`: neither name nor time.
///
/// # Errors
/// None that memory does not give.
pub(crate) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    #[test]
    fn packing_the_same_bytes_gives_the_same_file() {
        let packed = gzip(b"image").unwrap();
        assert_eq!(packed, gzip(b"image").unwrap());
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, b"image");
    }
}
