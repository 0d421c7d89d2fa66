//! A vTPM's record at the manager, and how it becomes that of a TPM that was never made.

use crate::exit::Exit;
use crate::named::Identity;
use libxl_vtpm::{TpmVersion, Uuid};
use manager_client::{AnswerError, Channel, ChannelError, Force, Show, TpmResult, UuidBytes};

/// What the manager is asked and told.
pub(super) trait Records {
    /// A vTPM's record, if it has one.
    fn record(&mut self, uuid: UuidBytes) -> Result<Option<Show>, ChannelError>;

    /// Whether it makes no record by itself.
    fn is_explicit(&mut self) -> Result<bool, ChannelError>;

    /// Removes a record, whatever was saved.
    fn remove(&mut self, uuid: UuidBytes) -> Result<(), ChannelError>;

    /// Makes one.
    fn make(&mut self, uuid: UuidBytes, is: TpmVersion, group: u32) -> Result<(), ChannelError>;
}

impl Records for Channel {
    fn record(&mut self, uuid: UuidBytes) -> Result<Option<Show>, ChannelError> {
        match self.show(uuid) {
            Ok(record) => Ok(Some(record)),
            Err(ChannelError::Answer(AnswerError::Refused(TpmResult::BAD_PARAMETER, _))) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn is_explicit(&mut self) -> Result<bool, ChannelError> {
        Ok(self.stats()?.explicit)
    }

    fn remove(&mut self, uuid: UuidBytes) -> Result<(), ChannelError> {
        self.delete(uuid, Force::Yes)
    }

    fn make(&mut self, uuid: UuidBytes, is: TpmVersion, group: u32) -> Result<(), ChannelError> {
        self.new_vtpm(uuid, is, group)
    }
}

/// Whether the manager has to be given an empty record: one that makes none by itself would refuse the vTPM.
/// A used disk without a record is what a run leaves that was cut short between the two.
pub(super) const fn gets_one(explicit: bool, record: Option<&Show>, used: bool) -> bool {
    explicit && (record.is_some() || used)
}

/// Why a record is not as it should be.
#[derive(Debug)]
pub(super) enum Unforgotten {
    /// It could not be removed.
    Kept(ChannelError),
    /// It is gone, and no other could be made of this kind and group.
    Gone(ChannelError, TpmVersion, u32),
}

/// Removes the record, if there is one, and makes an empty one, if one is to be (`of` this TPM, unless there was
/// one before).
pub(super) fn forget(
    records: &mut impl Records,
    identity: &Identity,
    record: Option<&Show>,
    of: Option<TpmVersion>,
) -> Result<(), Unforgotten> {
    let uuid = *identity.uuid.as_bytes();
    if record.is_some() {
        records.remove(uuid).map_err(Unforgotten::Kept)?;
    }
    let Some(of) = of else { return Ok(()) };
    let (is, group) = record.map_or((of, 0), |record| (record.entry.version, record.entry.group));
    records.make(uuid, is, group).map_err(|error| Unforgotten::Gone(error, is, group))
}

impl Unforgotten {
    /// How the command ends for a vTPM of this name.
    pub(super) fn of(self, name: &str, uuid: Uuid) -> Exit {
        match self {
            Self::Kept(error) => error.into(),
            Self::Gone(error, is, group) => Exit::Left(format!(
                "the manager has forgotten {name} and could not be given a new record of it \
                 ({error}), without which it refuses it; run this again, or type vtpmmgr-ctl new \
                 {uuid} --tpm {is} --group {group}"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use manager_client::Entry;

    const UUID: Uuid = Uuid::from_u128(7);

    /// An explicit manager that may be cut off.
    #[derive(Default)]
    struct Manager {
        record: Option<Show>,
        makes_none: bool,
    }

    fn lost() -> ChannelError {
        ChannelError::NoDevice { tried: Vec::new() }
    }

    impl Records for Manager {
        fn record(&mut self, _: UuidBytes) -> Result<Option<Show>, ChannelError> {
            Ok(self.record.clone())
        }

        fn is_explicit(&mut self) -> Result<bool, ChannelError> {
            Ok(true)
        }

        fn remove(&mut self, _: UuidBytes) -> Result<(), ChannelError> {
            self.record.take().map(drop).ok_or_else(lost)
        }

        fn make(
            &mut self,
            uuid: UuidBytes,
            is: TpmVersion,
            group: u32,
        ) -> Result<(), ChannelError> {
            if self.makes_none {
                return Err(lost());
            }
            self.record = Some(show(uuid, is, group, 0));
            Ok(())
        }
    }

    fn show(uuid: UuidBytes, version: TpmVersion, group: u32, generation: u64) -> Show {
        let has_state = generation > 0;
        let entry = Entry { uuid, version, has_state, flags: 0, generation, group, domain: None };
        let (hash, none) = ([0; 20], Vec::new);
        let (image_hash, label_hash, ek_name, ek_public) = (none(), none(), none(), none());
        Show { entry, accept_once: None, hash, image_hash, label_hash, ek_name, ek_public }
    }

    /// As the command does it.
    fn clear(manager: &mut Manager, used: bool) -> Result<(), Unforgotten> {
        let identity = Identity { uuid: UUID, manager: "m".into() };
        let record = manager.record(*UUID.as_bytes()).unwrap();
        let explicit = manager.is_explicit().unwrap();
        let of = gets_one(explicit, record.as_ref(), used).then_some(TpmVersion::Tpm20);
        forget(manager, &identity, record.as_ref(), of)
    }

    #[test]
    fn an_explicit_manager_has_an_empty_record_of_the_same_kind_afterwards() {
        let full = show(*UUID.as_bytes(), TpmVersion::Tpm12, 3, 9);
        let mut manager = Manager { record: Some(full), makes_none: false };
        clear(&mut manager, true).unwrap();
        assert_eq!(manager.record, Some(show(*UUID.as_bytes(), TpmVersion::Tpm12, 3, 0)));
    }

    #[test]
    fn cut_short_between_removing_and_making_it_is_finished_by_the_next_run() {
        let full = show(*UUID.as_bytes(), TpmVersion::Tpm20, 3, 9);
        let mut manager = Manager { record: Some(full), makes_none: true };
        let exit = clear(&mut manager, true).unwrap_err().of("v", UUID);
        assert_eq!((exit.number(), &manager.record), (3, &None));
        let told = format!("vtpmmgr-ctl new {UUID} --tpm 2.0 --group 3");
        assert!(exit.to_string().contains(&told), "{exit}");
        manager.makes_none = false;
        clear(&mut manager, true).unwrap();
        assert_eq!(manager.record, Some(show(*UUID.as_bytes(), TpmVersion::Tpm20, 0, 0)));
    }

    #[test]
    fn a_vtpm_that_was_never_known_stays_unknown() {
        let mut manager = Manager::default();
        clear(&mut manager, false).unwrap();
        assert_eq!(manager.record, None);
        assert!(!gets_one(false, None, true), "one that makes records by itself needs none");
    }
}
