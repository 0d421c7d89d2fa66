//! Requests of vTPM domains (docs/formats/manager-protocol.md).

use super::{Manager, Reply, refuse};
use crate::image::Named;
use crate::root::RootKeeper;
use crate::sessions::Session;
use alloc::boxed::Box;
use alloc::vec::Vec;
use domain_io::BlockDevice;
use tpm_wire::manager::NoRequest;
use tpm_wire::manager::{Kept, Ordinal, Register, Request, StatusReport, answer};
use tpm_wire::tpm12::TpmResult;
use tpm_wire::{Tag, TpmVersion};
use vtpm_store::HashKey;
use vtpm_store::manager::{Flags, Record};

const REQUEST: Tag = Tag::VTPM_REQ;

impl<D: BlockDevice, K: RootKeeper> Manager<D, K> {
    pub(super) fn vtpm_request(
        &mut self,
        session: Session,
        ordinal: Ordinal,
        body: &[u8],
    ) -> Reply {
        let done = match Request::parse(ordinal, body) {
            Ok(Request::Save(body)) => self.save(session, body),
            Ok(Request::Load) => self.load(session),
            Ok(Request::BootHash) => Ok(success(&session.label.unwrap_or_default())),
            Ok(Request::Status) => self.status(session),
            Ok(Request::Register(what)) => self.register(session, what),
            Err(NoRequest::Ordinal(_)) => Err(TpmResult::BAD_ORDINAL),
            Err(NoRequest::Body(_)) => Err(TpmResult::BAD_PARAM_SIZE),
        };
        done.unwrap_or_else(|status| {
            log::debug!("vTPM {}: {ordinal} was refused with {status}", session.uuid);
            refuse(REQUEST, status)
        })
    }

    /// The record of a session that may use it.
    fn record_of(&mut self, session: Session) -> Result<Option<Box<Record>>, TpmResult> {
        let found = self.ledger.get(session.uuid).map_err(|why| {
            log::debug!("vTPM {}: {why}", session.uuid);
            TpmResult::FAIL
        })?;
        let Some(record) = found else { return Ok(None) };
        let other_label = session
            .label
            .is_some_and(|label| !record.label_hash.is_empty() && record.label_hash != label);
        if record.flags.has(Flags::DISABLED) || other_label {
            return Err(TpmResult::DISABLED);
        }
        Ok(Some(record))
    }

    /// The record, made now if the uuid is new and first contact may do that.
    fn record_or_new(
        &mut self,
        session: Session,
        version: TpmVersion,
    ) -> Result<Box<Record>, TpmResult> {
        if self.ending {
            return Err(TpmResult::RETRY);
        }
        let record = match self.record_of(session)? {
            Some(record) => record,
            None if self.explicit => return Err(TpmResult::AUTH_FAIL),
            None => {
                if self.sessions.introduces(session.uuid) {
                    log::info!("vTPM {} is new: TPM {version}", session.uuid);
                }
                Box::new(Record::new(session.uuid, version))
            }
        };
        Ok(with_image(bound_to_label(record, session), session))
    }

    fn save(&mut self, session: Session, body: &[u8]) -> Result<Reply, TpmResult> {
        let hash_key = HashKey::from_wire(body).ok_or(TpmResult::BAD_PARAM_SIZE)?;
        let mut record = self.record_or_new(session, TpmVersion::Tpm12)?;
        if record.hash_key.as_ref() == Some(&hash_key) {
            return Ok(self.after_commit_if_waiting(session));
        }
        record.hash_key = Some(hash_key);
        // A disk that was let go on from a later generation stays behind its record, as every disk is.
        let former = record.accept_once.take().unwrap_or_default().max(record.generation);
        record.generation = former.saturating_add(1);
        self.ledger.put(record);
        Ok(after_commit(session))
    }

    fn load(&mut self, session: Session) -> Result<Reply, TpmResult> {
        let record = self.record_of(session)?.ok_or(TpmResult::BAD_PARAMETER)?;
        let kept = record.hash_key.as_ref().ok_or(TpmResult::BAD_PARAMETER)?;
        let answer = answer(Tag::VTPM_RSP, TpmResult::SUCCESS, kept.to_wire());
        Ok(self.once_known(session, answer))
    }

    fn status(&mut self, session: Session) -> Result<Reply, TpmResult> {
        let kept = match self.record_of(session)? {
            None => Kept::Nothing,
            Some(record) if record.hash_key.is_none() => Kept::Record(record.version),
            Some(record) => Kept::State {
                version: record.version,
                generation: record.generation,
                accept_once: record.accept_once,
            },
        };
        let report = StatusReport {
            kept,
            hardware: self.hardware.as_ref().map(|hardware| hardware.version),
            explicit: self.explicit,
            store: self.ledger.id(),
        };
        Ok(self.once_known(session, answer(Tag::VTPM_RSP, TpmResult::SUCCESS, &report.encode())))
    }

    fn register(&mut self, session: Session, what: Register<'_>) -> Result<Reply, TpmResult> {
        let mut record = self.record_or_new(session, what.version)?;
        // A power cut before the first save has a TPM made anew, with another key. After it the key
        // belongs to the state: it is named once.
        let named = !record.ek_name.is_empty() || !record.ek_public.is_empty();
        let same_key = record.ek_name == what.ek_name && record.ek_public == what.ek_public;
        if record.version != what.version || (record.hash_key.is_some() && named && !same_key) {
            return Err(TpmResult::BAD_PARAMETER);
        }
        record.ek_name = what.ek_name.to_vec();
        record.ek_public = what.ek_public.to_vec();
        self.ledger.put(record);
        Ok(after_commit(session))
    }

    /// The answer to a save that is no change.
    fn after_commit_if_waiting(&mut self, session: Session) -> Reply {
        self.once_known(session, answer(Tag::VTPM_RSP, TpmResult::SUCCESS, &[]))
    }

    /// An answer about what is kept, held back as long as that is not known.
    fn once_known(&mut self, session: Session, answer: Vec<u8>) -> Reply {
        if self.ledger.must_wait(session.uuid) {
            return Reply::AfterCommit { uuid: session.uuid, tag: REQUEST, answer };
        }
        Reply::Now(answer)
    }
}

/// The first contact with a label binds the record to it.
fn bound_to_label(mut record: Box<Record>, session: Session) -> Box<Record> {
    if let (Some(label), true) = (session.label, record.label_hash.is_empty()) {
        record.label_hash = label.to_vec();
    }
    record
}

/// The image is kept with whatever else changes in the record.
fn with_image(mut record: Box<Record>, session: Session) -> Box<Record> {
    if let Named::Image(digest) = session.image {
        record.image_hash = digest.0.to_vec();
    }
    record
}

fn success(body: &[u8]) -> Reply {
    Reply::Now(answer(Tag::VTPM_RSP, TpmResult::SUCCESS, body))
}

fn after_commit(session: Session) -> Reply {
    let answer = answer(Tag::VTPM_RSP, TpmResult::SUCCESS, &[]);
    Reply::AfterCommit { uuid: session.uuid, tag: REQUEST, answer }
}
