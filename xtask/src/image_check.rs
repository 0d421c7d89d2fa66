//! Looks at a linked image before anybody boots it: Xen's own messages for a wrong image name the
//! file and nothing else.

use anyhow::{Context, Result, bail, ensure};
use iced_x86::{Decoder, DecoderOptions, Mnemonic};
use object::elf::{ET_EXEC, PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol, SymbolKind};

/// Where every image is linked (virtual and physical address alike).
const IMAGE_START: u64 = 0x1_0000;

/// Notes by which Xen finds its way into an image (Xen public/elfnote.h).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    entry: Option<u64>,
    hypercall_page: Option<u64>,
    virt_base: Option<u64>,
    paddr_offset: Option<u64>,
    xen_version: Option<String>,
    loader: Option<String>,
    pvh_entry: Option<u64>,
    /// What the image says it is made of.
    package: Option<String>,
}

/// Owner and type of that note.
const PACKAGE: (&[u8], u32) = (b"FDO", 0xcafe_1a7e);

/// Checks that an image can boot in both modes and breaks none of the runtime's promises.
///
/// # Errors
/// The first thing that is wrong.
pub(crate) fn check(image: &[u8]) -> Result<()> {
    let file: ElfFile64<'_, Endianness> =
        ElfFile64::parse(image).context("not a 64-bit ELF file")?;
    let endian = file.endian();
    ensure!(file.elf_header().e_type(endian) == ET_EXEC, "not linked for a fixed address");
    let text = check_segments(&file)?;
    check_notes(&notes(&file)?, &text)?;
    for symbol in file.symbols().filter(|symbol| symbol.is_undefined()) {
        let name = symbol.name().unwrap_or("?");
        ensure!(name.is_empty(), "undefined symbol {name}");
    }
    check_instructions(&file)
}

/// What the image says it is made of, where it says so.
///
/// # Errors
/// When its notes cannot be read.
pub(crate) fn package_note(image: &[u8]) -> Result<Option<String>> {
    Ok(notes(&ElfFile64::parse(image).context("not a 64-bit ELF file")?)?.package)
}

/// Checks the loadable segments and returns the executable one.
fn check_segments(file: &ElfFile64<'_, Endianness>) -> Result<std::ops::Range<u64>> {
    let endian = file.endian();
    let mut text = None;
    for segment in file.elf_program_headers() {
        let (kind, flags) = (segment.p_type(endian), segment.p_flags(endian).0);
        let (start, bytes) = (segment.p_vaddr(endian), segment.p_memsz(endian));
        ensure!(kind != PT_INTERP && kind != PT_DYNAMIC, "the image is linked dynamically");
        if kind != PT_LOAD {
            continue;
        }
        ensure!(start >= IMAGE_START, "a segment at {start:#x} lies below {IMAGE_START:#x}");
        ensure!(start == segment.p_paddr(endian), "virtual and physical addresses differ");
        ensure!(flags & PF_R.0 != 0, "the segment at {start:#x} cannot be read");
        ensure!(
            flags & (PF_W | PF_X).0 != (PF_W | PF_X).0,
            "the segment at {start:#x} is both writable and executable"
        );
        if flags & PF_X.0 != 0 {
            ensure!(text.is_none(), "more than one segment is executable");
            text = Some(start..start + bytes);
        }
    }
    text.context("no segment is executable")
}

/// The notes in the file's note segment, which is where Xen looks.
fn notes(file: &ElfFile64<'_, Endianness>) -> Result<Notes> {
    let endian = file.endian();
    let mut found = Notes::default();
    for segment in file.elf_program_headers().iter().filter(|s| s.p_type(endian) == PT_NOTE) {
        let notes = segment.notes(endian, file.data()).ok().flatten();
        let mut notes = notes.context("the note segment cannot be read")?;
        while let Some(note) = notes.next().context("a note is damaged")? {
            let kind = note.n_type(endian).0;
            if note.name() == b"Xen" {
                found.take(kind, note.desc())?;
            } else if (note.name(), kind) == PACKAGE {
                found.package = Some(text(note.desc()));
            }
        }
    }
    Ok(found)
}

impl Notes {
    fn take(&mut self, kind: u32, value: &[u8]) -> Result<()> {
        match kind {
            1 => self.entry = Some(number(value)?),
            2 => self.hypercall_page = Some(number(value)?),
            3 => self.virt_base = Some(number(value)?),
            4 => self.paddr_offset = Some(number(value)?),
            5 => self.xen_version = Some(text(value)),
            8 => self.loader = Some(text(value)),
            18 => self.pvh_entry = Some(number(value)?),
            _ => {}
        }
        Ok(())
    }
}

fn number(value: &[u8]) -> Result<u64> {
    match value.len() {
        4 => Ok(u64::from(u32::from_le_bytes(value.try_into()?))),
        8 => Ok(u64::from_le_bytes(value.try_into()?)),
        other => bail!("a numeric note has {other} bytes"),
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.strip_suffix(b"\0").unwrap_or(value)).into_owned()
}

fn check_notes(notes: &Notes, text: &std::ops::Range<u64>) -> Result<()> {
    let in_text = |name: &str, value: Option<u64>| {
        let value = value.with_context(|| format!("no {name} note"))?;
        ensure!(text.contains(&value), "the {name} note points outside of the code: {value:#x}");
        Ok(value)
    };
    in_text("ENTRY", notes.entry)?;
    in_text("PHYS32_ENTRY", notes.pvh_entry)?;
    let page = in_text("HYPERCALL_PAGE", notes.hypercall_page)?;
    ensure!(page.is_multiple_of(4096), "the hypercall page is not a page: {page:#x}");
    ensure!(notes.virt_base == Some(0), "VIRT_BASE must be 0");
    ensure!(notes.paddr_offset == Some(0), "PADDR_OFFSET must be 0");
    let starts = |value: &Option<String>, with: &str| {
        value.as_ref().is_some_and(|value| value.starts_with(with))
    };
    ensure!(starts(&notes.xen_version, "xen-3.0"), "XEN_VERSION must begin with xen-3.0");
    ensure!(starts(&notes.loader, "generic"), "LOADER must begin with generic");
    Ok(())
}

/// No function may hold an instruction that would leave the domain by a way other than the
/// hypercall page: in a PV domain `syscall` is a hypercall, and C code from a libc would make it.
/// Only functions are decoded, since C libraries keep tables between them.
fn check_instructions(file: &ElfFile64<'_, Endianness>) -> Result<()> {
    let mut functions = 0;
    for symbol in file.symbols().filter(|s| s.kind() == SymbolKind::Text && s.size() > 0) {
        let Some(section) = symbol.section_index().and_then(|at| file.section_by_index(at).ok())
        else {
            continue;
        };
        let Ok(Some(code)) = section.data_range(symbol.address(), symbol.size()) else { continue };
        functions += 1;
        let mut decoder = Decoder::with_ip(64, code, symbol.address(), DecoderOptions::NONE);
        while decoder.can_decode() {
            let instruction = decoder.decode();
            if let found @ (Mnemonic::Syscall | Mnemonic::Sysenter) = instruction.mnemonic() {
                let name = symbol.name().unwrap_or("?");
                bail!("{name} contains {found:?} at {:#x}", instruction.ip());
            }
        }
    }
    ensure!(functions > 0, "the image has no symbols, so its code cannot be checked");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Notes {
        Notes {
            entry: Some(0x1_1000),
            hypercall_page: Some(0x1_0000),
            virt_base: Some(0),
            paddr_offset: Some(0),
            xen_version: Some("xen-3.0".into()),
            loader: Some("generic".into()),
            pvh_entry: Some(0x1_1020),
            package: None,
        }
    }

    type Spoil = fn(&mut Notes);

    const TEXT: std::ops::Range<u64> = 0x1_0000..0x2_0000;

    #[test]
    fn each_note_that_xen_needs_is_missed() {
        assert!(check_notes(&good(), &TEXT).is_ok());
        let spoil: [(Spoil, &str); 7] = [
            (|n| n.entry = None, "no ENTRY note"),
            (|n| n.pvh_entry = Some(0x20_0000), "PHYS32_ENTRY note points outside"),
            (|n| n.hypercall_page = Some(0x1_0010), "not a page"),
            (|n| n.virt_base = Some(1), "VIRT_BASE"),
            (|n| n.paddr_offset = None, "PADDR_OFFSET"),
            (|n| n.xen_version = Some("3.0".into()), "XEN_VERSION"),
            (|n| n.loader = None, "LOADER"),
        ];
        for (spoil, expected) in spoil {
            let mut notes = good();
            spoil(&mut notes);
            let error = check_notes(&notes, &TEXT).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn numbers_of_both_widths_are_read() {
        let mut notes = Notes::default();
        notes.take(3, &[1, 0, 0, 0]).unwrap();
        notes.take(4, &[2, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        notes.take(5, b"xen-3.0\0").unwrap();
        assert_eq!((notes.virt_base, notes.paddr_offset), (Some(1), Some(2)));
        assert_eq!(notes.xen_version.as_deref(), Some("xen-3.0"));
        assert!(notes.take(1, &[0; 3]).is_err());
    }

    #[test]
    fn a_program_of_this_machine_is_no_image() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(check(&program).is_err());
        assert!(check(b"#!/bin/sh").unwrap_err().to_string().contains("ELF"));
    }
}
