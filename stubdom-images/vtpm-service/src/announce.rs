//! What the domain says about itself in xenstore, under its own `data/vtpm`
//! (docs/formats/xenstore-data-vtpm.md). Hints for people and for tools that wait; nothing that
//! decides about security may read them.

use core::fmt;
use domain_io::announce::Announcement;
pub use domain_io::announce::{State, Word};
use domain_io::{StoreError, Xenstore};
use tpm_wire::TpmVersion;

const HERE: Announcement = Announcement { directory: "data/vtpm" };

/// Says which image runs, which TPM it is, and that it is starting.
///
/// # Errors
/// [`StoreError`]; the domain goes on without.
pub fn starting(
    store: &mut dyn Xenstore,
    image: &str,
    tpm: Option<TpmVersion>,
) -> Result<(), StoreError> {
    HERE.starting(store, image, tpm.as_ref().map(|tpm| tpm as &dyn fmt::Display))
}

/// To say that it is ready, until xenstored knows.
#[must_use]
pub const fn word() -> Word {
    Word::new(HERE)
}

/// Says that the state has changed.
///
/// # Errors
/// [`StoreError`]; the domain goes on without.
pub fn state(store: &mut dyn Xenstore, state: State) -> Result<(), StoreError> {
    HERE.state(store, state)
}

/// Says why the domain cannot serve.
///
/// # Errors
/// [`StoreError`]; the domain goes on without.
pub fn failed(store: &mut dyn Xenstore, error: &dyn fmt::Display) -> Result<(), StoreError> {
    HERE.failed(store, error)
}

#[cfg(test)]
mod tests {
    use super::{State, failed, starting, state};
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
}
