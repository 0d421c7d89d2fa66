//! The TOML file of vtpm-config-gen.

use libxl_vtpm::line::VtpmLine;
use libxl_vtpm::text::settings;
use std::path::Path;

/// No file is there, so that nothing but the text decides.
const FILE: &str = "/nowhere/vtpms.toml";

/// The bytes are the whole file. One that names a guest's own file is passed over: that would be read
/// from this machine.
///
/// # Panics
/// When a mistake is not said with the file's name, or when what would be written is not what xl
/// reads.
pub fn config_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.contains("config") || text.contains('\\') {
        return;
    }
    let files = match config_gen::files_of(Path::new(FILE), &text) {
        Ok(files) => files,
        Err(error) => return assert!(format!("{error:#}").contains(FILE), "{error:#}"),
    };
    for (path, text) in files {
        let found = settings(&text).unwrap_or_else(|why| panic!("{}:{why}", path.display()));
        for name in ["name", "memory"] {
            let count = found.0.iter().filter(|setting| setting.name == name).count();
            assert_eq!(count, 1, "{name} in {text}");
        }
        for item in found.list("vtpm") {
            let understood = VtpmLine::parse(&item.text).expect("a line that xl takes");
            assert_eq!(understood.warnings, [], "{text}");
        }
    }
}
