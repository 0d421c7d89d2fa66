//! A vTPM domain's command line.

use vtpm_service::Arguments;
use vtpm_service::arguments::Custody;
use xen_guest::CommandLine;

/// The text is the whole `extra=` of a configuration file.
///
/// # Panics
/// When a domain would forget its state without `ephemeral`, or keep it with, or an error has no
/// words.
pub fn command_line(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let line = CommandLine::parse(&text);
    assert_eq!(line.raw(), text);
    let words = match line.words() {
        Ok(words) => words,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(words.len() <= text.len());
    match Arguments::parse(words) {
        Ok((arguments, notices)) => {
            let asked = words.iter().any(|word| word == "ephemeral");
            assert_eq!(asked, arguments.custody == Custody::Ephemeral, "{text:?}");
            assert!(notices.len() <= words.len());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
