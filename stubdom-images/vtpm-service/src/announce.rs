//! What the domain says about itself in xenstore, under its own `data/vtpm`
//! (docs/formats/xenstore-data-vtpm.md). Hints for people and for tools that wait; nothing that
//! decides about security may read them.

use alloc::string::String;
use core::fmt;
use domain_io::{StoreError, Xenstore};
use tpm_wire::TpmVersion;

/// `data/vtpm/state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not ready yet.
    Starting,
    /// Frontends may come.
    Ready,
    /// Stopped by an error, which `data/vtpm/error` names.
    Failed,
    /// Stopping in order.
    Stopping,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
        })
    }
}

/// The longest `error`, in bytes: what fits one line of a terminal twice.
const LONGEST_ERROR: usize = 400;

/// Says which image runs, which TPM it is, and that it is starting.
///
/// # Errors
/// [`StoreError`]; the domain goes on without.
pub fn starting(
    store: &mut dyn Xenstore,
    image: &str,
    tpm: Option<TpmVersion>,
) -> Result<(), StoreError> {
    store.write("data/vtpm/image", image)?;
    if let Some(tpm) = tpm {
        store.write("data/vtpm/tpm", &alloc::format!("{tpm}"))?;
    }
    state(store, State::Starting)
}

/// Says that the state has changed.
///
/// # Errors
/// [`StoreError`]; the domain goes on without.
pub fn state(store: &mut dyn Xenstore, state: State) -> Result<(), StoreError> {
    store.write("data/vtpm/state", &alloc::format!("{state}"))
}

/// Says why the domain cannot serve. The sentence stands before the state changes, so that whoever
/// waits for the state finds it.
///
/// # Errors
/// [`StoreError`]; the domain goes on without.
pub fn failed(store: &mut dyn Xenstore, error: &dyn fmt::Display) -> Result<(), StoreError> {
    store.write("data/vtpm/error", &one_line(&alloc::format!("{error}")))?;
    state(store, State::Failed)
}

/// One line of printable text, cut to [`LONGEST_ERROR`].
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for character in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if line.len() + character.len_utf8() > LONGEST_ERROR {
            break;
        }
        line.push(character);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_ERROR, State, failed, one_line, starting, state};
    use alloc::string::ToString;
    use domain_io::test_utils::World;
    use domain_io::{DomainId, Xenstore};
    use tpm_wire::TpmVersion;

    #[test]
    fn whoever_waits_finds_the_words_of_the_contract() {
        let (world, domain) = (World::new(), DomainId(4));
        world.add_domain(domain);
        let mut store = world.store(domain);
        starting(&mut store, "vtpm-stubdom 0.1.0", Some(TpmVersion::Tpm20)).unwrap();
        let read = |node: &str| world.store(domain).read(&alloc::format!("data/vtpm/{node}"));
        assert_eq!(read("state").unwrap(), "starting");
        assert_eq!(read("tpm").unwrap(), "2.0");
        assert_eq!(read("image").unwrap(), "vtpm-stubdom 0.1.0");
        assert!(read("error").unwrap_err().is_absent());
        for (said, word) in [(State::Ready, "ready"), (State::Stopping, "stopping")] {
            state(&mut store, said).unwrap();
            assert_eq!(read("state").unwrap(), word);
        }
        failed(&mut store, &"no\nentropy".to_string()).unwrap();
        assert_eq!(read("state").unwrap(), "failed");
        assert_eq!(read("error").unwrap(), "no entropy");
    }

    #[test]
    fn an_error_is_one_line_of_bounded_length() {
        assert_eq!(one_line("bad\nargument \u{1b}[1m"), "bad argument  [1m");
        let long = one_line(&"ü".repeat(LONGEST_ERROR));
        assert_eq!(long.len(), LONGEST_ERROR);
    }
}
