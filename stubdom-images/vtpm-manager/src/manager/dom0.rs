//! Commands from domain 0 (docs/formats/manager-commands.md).

use super::{Manager, Reply};
use crate::root::{Ground, RootError, RootKeeper};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use domain_io::BlockDevice;
use tpm_wire::manager::{
    Command, Entry, Force, List, MOST_LISTED, NoRequest, Ordinal, PolicyCommand, Show, Stats,
    UuidBytes, answer,
};
use tpm_wire::tpm12::TpmResult;
use tpm_wire::{Tag, TpmVersion};
use vtpm_store::Uuid;
use vtpm_store::manager::{Flags, Record, StoreError};

/// A command that is not carried out, with the sentence that says why.
struct Refused(TpmResult, String);

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self(TpmResult::FAIL, format!("{error}"))
    }
}

impl From<RootError> for Refused {
    fn from(error: RootError) -> Self {
        Self(TpmResult::FAIL, error.0)
    }
}

impl<D: BlockDevice, K: RootKeeper> Manager<D, K> {
    pub(super) fn command(&mut self, ordinal: Ordinal, body: &[u8], uptime: Duration) -> Reply {
        let command = Command::parse(ordinal, body);
        let lockable = !matches!(command, Ok(Command::Policy | Command::PrepareShutdown(_)));
        let done = match command {
            _ if lockable && self.locked.is_some() => self.not_locked().map(|()| success(&[])),
            Ok(Command::Stats) => self.stats(uptime),
            Ok(Command::List { after, most }) => self.list(after.map(Uuid), most),
            Ok(Command::Show(uuid)) => self.show(Uuid(uuid)),
            Ok(Command::New { uuid, version, group }) => self.new_record(uuid, version, group),
            Ok(Command::Delete { uuid, force }) => self.delete(Uuid(uuid), force),
            Ok(Command::PrepareShutdown(force)) => self.prepare_shutdown(force),
            Ok(Command::Enable { uuid, enabled }) => self.enable(Uuid(uuid), enabled),
            Ok(Command::Accept { uuid, generation }) => self.accept(Uuid(uuid), generation),
            Ok(Command::Policy) => self.policy(body),
            Err(NoRequest::Ordinal(other)) => {
                Err(Refused(TpmResult::BAD_ORDINAL, format!("there is no command {other}")))
            }
            Err(NoRequest::Body(what)) => {
                Err(Refused(TpmResult::BAD_PARAM_SIZE, format!("{ordinal}: {what}")))
            }
        };
        done.unwrap_or_else(|Refused(status, sentence)| {
            Reply::Now(answer(Tag::VTPM_RSP2, status, sentence.as_bytes()))
        })
    }

    fn stats(&mut self, uptime: Duration) -> Result<Reply, Refused> {
        let store = self.ledger.store()?;
        let (sequence, counter) = (store.sequence(), store.fields().counter);
        let (records, free_pages) = (store.records(), u64::from(store.free_pages()));
        let stats = Stats {
            hardware: self.hardware.as_ref().map(|hardware| hardware.version),
            explicit: self.explicit,
            store: self.ledger.id(),
            sequence,
            counter,
            records,
            free_pages,
            sessions: self.sessions.count() as u64,
            uptime: uptime.as_secs(),
            ..self.counts
        };
        Ok(success(&stats.encode()))
    }

    fn list(&mut self, after: Option<Uuid>, most: u16) -> Result<Reply, Refused> {
        let most = usize::from(most.min(MOST_LISTED));
        // One more than asked for tells whether others follow.
        let mut records = self.ledger.list(after, most + 1)?;
        let more = records.len() > most;
        records.truncate(most);
        let entries = records.iter().map(|record| self.entry(record)).collect();
        Ok(success(&List { entries, more }.encode()))
    }

    fn show(&mut self, uuid: Uuid) -> Result<Reply, Refused> {
        let record = self.known(uuid)?;
        let mut hash = [0; 20];
        if let Some(kept) = &record.hash_key {
            hash.copy_from_slice(&kept.hash()[..20]);
        }
        let show = Show {
            entry: self.entry(&record),
            accept_once: record.accept_once,
            hash,
            image_hash: record.image_hash.clone(),
            label_hash: record.label_hash.clone(),
            ek_name: record.ek_name.clone(),
            ek_public: record.ek_public.clone(),
        };
        Ok(success(&show.encode()))
    }

    fn entry(&self, record: &Record) -> Entry {
        Entry {
            uuid: record.uuid.0,
            version: record.version,
            has_state: record.hash_key.is_some(),
            flags: record.flags.0,
            generation: record.generation,
            group: record.group,
            domain: self.sessions.holder(record.uuid).map(|id| id.frontend.0),
        }
    }

    fn known(&mut self, uuid: Uuid) -> Result<Box<Record>, Refused> {
        let found = self.ledger.get(uuid)?;
        found.ok_or_else(|| Refused(TpmResult::BAD_PARAMETER, format!("there is no vTPM {uuid}")))
    }

    fn not_attached(&self, uuid: Uuid) -> Result<(), Refused> {
        self.sessions.holder(uuid).map_or(Ok(()), |by| {
            let sentence = format!("vTPM {uuid} is in use by {by}; detach it first");
            Err(Refused(TpmResult::DISABLED, sentence))
        })
    }

    /// Nothing is changed once the manager is ending.
    fn still_serving(&self) -> Result<(), Refused> {
        if self.ending {
            return Err(Refused(TpmResult::RETRY, "the manager is ending".into()));
        }
        Ok(())
    }

    fn new_record(
        &mut self,
        uuid: UuidBytes,
        version: TpmVersion,
        group: u32,
    ) -> Result<Reply, Refused> {
        self.still_serving()?;
        let uuid = Uuid(uuid);
        if uuid == Uuid::default() {
            let sentence = "the nil uuid names no vTPM".into();
            return Err(Refused(TpmResult::BAD_PARAMETER, sentence));
        }
        if self.ledger.get(uuid)?.is_some() {
            let sentence = format!("there is a vTPM {uuid} already");
            return Err(Refused(TpmResult::BAD_PARAMETER, sentence));
        }
        let mut record = Box::new(Record::new(uuid, version));
        record.flags = record.flags.with(Flags::PROVISIONED);
        record.group = group;
        self.ledger.put(record);
        Ok(after_commit(uuid))
    }

    fn delete(&mut self, uuid: Uuid, force: Force) -> Result<Reply, Refused> {
        self.still_serving()?;
        self.not_attached(uuid)?;
        if self.known(uuid)?.hash_key.is_some() && force == Force::No {
            let sentence = format!(
                "vTPM {uuid} has saved state, which nobody can read any more once it is deleted; \
                 say that this is meant"
            );
            return Err(Refused(TpmResult::DISABLED, sentence));
        }
        log::info!("vTPM {uuid} is deleted at domain 0's command");
        self.ledger.remove(uuid);
        Ok(after_commit(uuid))
    }

    fn enable(&mut self, uuid: Uuid, enabled: bool) -> Result<Reply, Refused> {
        self.still_serving()?;
        let mut record = self.known(uuid)?;
        let bits = record.flags.0 & !Flags::DISABLED.0;
        record.flags = if enabled { Flags(bits) } else { Flags(bits | Flags::DISABLED.0) };
        self.ledger.put(record);
        Ok(after_commit(uuid))
    }

    /// An administrator's word that a vTPM may go on from an older state. The next save, which the
    /// vTPM makes of that state before it serves, uses it up.
    fn accept(&mut self, uuid: Uuid, generation: Option<u64>) -> Result<Reply, Refused> {
        self.still_serving()?;
        self.not_attached(uuid)?;
        let mut record = self.known(uuid)?;
        if record.hash_key.is_none() {
            let sentence =
                format!("vTPM {uuid} has no saved state that an older one could replace");
            return Err(Refused(TpmResult::BAD_PARAMETER, sentence));
        }
        match generation {
            Some(older) => {
                log::warn!("vTPM {uuid} may go on from generation {older}, at domain 0's command");
                record.flags = record.flags.with(Flags::WENT_BACK);
            }
            None => log::info!("vTPM {uuid} may go on from its newest state only"),
        }
        record.accept_once = generation;
        self.ledger.put(record);
        Ok(after_commit(uuid))
    }

    fn prepare_shutdown(&mut self, force: Force) -> Result<Reply, Refused> {
        let attached = self.sessions.count();
        if attached > 0 && force == Force::No {
            let sentence = format!(
                "{attached} vTPMs are attached and could save nothing any more; shut them down \
                 first"
            );
            return Err(Refused(TpmResult::DISABLED, sentence));
        }
        log::info!("domain 0 wants everything in order and the manager to end");
        self.ending = true;
        Ok(Reply::End(answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &[])))
    }

    fn policy(&mut self, body: &[u8]) -> Result<Reply, Refused> {
        self.still_serving()?;
        let command = PolicyCommand::parse(body)
            .map_err(|what| Refused(TpmResult::BAD_PARAM_SIZE, format!("policy: {what}")))?;
        if let (Some(_), PolicyCommand::Recover { key, force }) = (&self.locked, &command) {
            let key = core::str::from_utf8(key).unwrap_or_default();
            let opened = self.recover(key, *force);
            opened.map_err(|why| Refused(TpmResult::FAIL, format!("{why}")))?;
            return Ok(success(&[]));
        }
        self.not_locked()?;
        let sealed = self.ledger.sealed()?;
        let secret = self.ledger.secret().cloned().ok_or(StoreError::WrongSecret)?;
        let ground = Ground { hardware: self.hardware.as_mut(), entropy: &mut *self.entropy };
        let done = self.keeper.policy(ground, (&secret, &sealed), &command)?;
        if let Some(sealed) = done.sealed {
            self.ledger.replace_sealed(&sealed)?;
        }
        Ok(success(&done.answer))
    }

    /// A store whose secret cannot be had answers nothing but the recovery key.
    fn not_locked(&self) -> Result<(), Refused> {
        match &self.locked {
            None => Ok(()),
            Some(why) => Err(Refused(
                TpmResult::RETRY,
                format!("{why}; the store waits for its recovery key"),
            )),
        }
    }
}

fn success(body: &[u8]) -> Reply {
    Reply::Now(answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, body))
}

fn after_commit(uuid: Uuid) -> Reply {
    let answer: Vec<u8> = answer(Tag::VTPM_RSP2, TpmResult::SUCCESS, &[]);
    Reply::AfterCommit { uuid, tag: Tag::VTPM_REQ2, answer }
}
