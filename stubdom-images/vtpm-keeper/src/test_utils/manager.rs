//! What one vTPM sees of a manager.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use tpm_wire::manager::{Kept, NoRequest, Ordinal, Request, StatusReport, answer, answer_tag};
use tpm_wire::tpm12::{self, TpmResult, error_response, success_response};
use tpm_wire::tpm20::{self, CommandCode, HashAlgorithm, ResponseCode};
use tpm_wire::{Header, PacketBuilder, Reader, Tag, TpmVersion};
use vtpm_store::HashKey;

/// What becomes of one SAVEHASHKEY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Kept and answered.
    Answered,
    /// The connection ends before it is kept.
    LostBefore,
    /// It is kept, and the connection ends before the answer.
    LostAfter,
    /// Refused with this status, and not kept.
    Refused(TpmResult),
    /// Kept, and answered with this status all the same.
    KeptAndRefused(TpmResult),
}

/// What the manager remembers of its one vTPM, and what it has.
#[derive(Clone, Debug)]
pub struct Memory {
    /// The record's version.
    pub record: Option<TpmVersion>,
    /// The endorsement key: Name and public part.
    pub ek: (Vec<u8>, Vec<u8>),
    /// What was saved last.
    pub kept: Option<HashKey>,
    /// How many saves were kept.
    pub generation: u64,
    /// State of this generation is taken once.
    pub accept_once: Option<u64>,
    /// `provision=explicit`.
    pub explicit: bool,
    /// The hardware TPM.
    pub hardware: Option<TpmVersion>,
    /// Its banks, when it is a TPM 2.0.
    pub banks: Vec<HashAlgorithm>,
    /// The name of the store.
    pub store: [u8; 16],
    /// It is upstream's and does not know our ordinals.
    pub is_upstreams: bool,
    /// How many requests of each kind there were.
    pub saves: usize,
    /// LOADHASHKEY so far.
    pub loads: usize,
    /// What becomes of the next saves; those after it are answered.
    pub fates: VecDeque<Fate>,
    /// The codes by which the next commands that are passed on to the hardware TPM are refused; where there is
    /// none the connection ends instead. Commands after those succeed.
    pub hardware_refuses: VecDeque<Option<u32>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            record: None,
            ek: Default::default(),
            kept: None,
            generation: 0,
            accept_once: None,
            explicit: false,
            hardware: None,
            banks: vec![HashAlgorithm::SHA1, HashAlgorithm::SHA256],
            store: [0x5a; 16],
            is_upstreams: false,
            saves: 0,
            loads: 0,
            fates: VecDeque::new(),
            hardware_refuses: VecDeque::new(),
        }
    }
}

/// A manager. Clones are the same one.
#[derive(Clone, Default)]
pub struct FakeManager {
    /// What it remembers; a test may look and change.
    pub memory: Rc<RefCell<Memory>>,
    /// Told after each request.
    listener: Rc<RefCell<Option<Listener>>>,
}

type Listener = Box<dyn FnMut(&Memory)>;

impl FakeManager {
    /// A manager that remembers this.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self { memory: Rc::new(RefCell::new(memory)), listener: Rc::default() }
    }

    /// Calls `listener` after each request, before its answer is on the way.
    pub fn after_each(&self, listener: impl FnMut(&Memory) + 'static) {
        *self.listener.borrow_mut() = Some(Box::new(listener));
    }

    /// Answers a packet; `None` when the connection ends instead.
    ///
    /// # Panics
    /// Never: a hostile packet is answered like any other.
    #[must_use]
    pub fn answer(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let memory = &mut *self.memory.borrow_mut();
        let answer = memory.answer(packet);
        if let Some(listener) = &mut *self.listener.borrow_mut() {
            listener(memory);
        }
        answer
    }
}

impl Memory {
    fn answer(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let Ok((header, body)) = Header::parse(packet) else {
            return Some(error_response(TpmResult::BAD_PARAM_SIZE));
        };
        match header.tag {
            Tag::VTPM_REQ => self.request(Ordinal(header.code), body),
            Tag::RQU_COMMAND => match self.hardware_refuses.pop_front() {
                Some(code) => code.map(|code| error_response(TpmResult(code))),
                None => Some(self.hardware_12(header.code, body)),
            },
            Tag::NO_SESSIONS => match self.hardware_refuses.pop_front() {
                Some(code) => code.map(|code| tpm20::error_response(ResponseCode(code))),
                None => Some(self.hardware_20(CommandCode(header.code), body)),
            },
            _ => Some(error_response(TpmResult::BAD_TAG)),
        }
    }
}

fn said(status: TpmResult, body: &[u8]) -> Option<Vec<u8>> {
    Some(answer(answer_tag(Tag::VTPM_REQ), status, body))
}

/// The value of a hardware PCR: its number, over and over, in a bank's length.
fn hardware_pcr(pcr: u32, bank: HashAlgorithm) -> Vec<u8> {
    vec![u8::try_from(pcr + 1).unwrap_or(0); bank.digest_bytes().unwrap_or(0)]
}

impl Memory {
    fn request(&mut self, ordinal: Ordinal, body: &[u8]) -> Option<Vec<u8>> {
        let ours = ordinal == Ordinal::STATUS || ordinal == Ordinal::REGISTER;
        match Request::parse(ordinal, body) {
            _ if ours && self.is_upstreams => said(TpmResult::BAD_ORDINAL, &[]),
            Err(NoRequest::Ordinal(_)) => said(TpmResult::BAD_ORDINAL, &[]),
            Err(NoRequest::Body(_)) => said(TpmResult::BAD_PARAM_SIZE, &[]),
            Ok(Request::Save(body)) => self.save(body),
            Ok(Request::Load) => {
                self.loads += 1;
                match &self.kept {
                    Some(kept) => said(TpmResult::SUCCESS, kept.to_wire()),
                    None => said(TpmResult::BAD_PARAMETER, &[]),
                }
            }
            Ok(Request::BootHash) => said(TpmResult::SUCCESS, &[0; 20]),
            Ok(Request::Status) => said(TpmResult::SUCCESS, &self.status().encode()),
            Ok(Request::Register(register)) => match self.record {
                None if self.explicit => said(TpmResult::AUTH_FAIL, &[]),
                Some(version) if version != register.version => said(TpmResult::BAD_PARAMETER, &[]),
                _ => {
                    self.record = Some(register.version);
                    self.ek = (register.ek_name.to_vec(), register.ek_public.to_vec());
                    said(TpmResult::SUCCESS, &[])
                }
            },
        }
    }

    fn status(&self) -> StatusReport {
        let kept = match (self.record, &self.kept) {
            (None, _) => Kept::Nothing,
            (Some(version), None) => Kept::Record(version),
            (Some(version), Some(_)) => {
                let (generation, accept_once) = (self.generation, self.accept_once);
                Kept::State { version, generation, accept_once }
            }
        };
        let (hardware, explicit, store) = (self.hardware, self.explicit, self.store);
        StatusReport { kept, hardware, explicit, store }
    }

    fn save(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        self.saves += 1;
        let fate = self.fates.pop_front().unwrap_or(Fate::Answered);
        match fate {
            Fate::LostBefore => return None,
            Fate::Refused(status) => return said(status, &[]),
            Fate::Answered | Fate::LostAfter | Fate::KeptAndRefused(_) => {}
        }
        if self.record.is_none() && self.explicit {
            return said(TpmResult::AUTH_FAIL, &[]);
        }
        let hash_key = HashKey::from_wire(body);
        if hash_key != self.kept {
            self.generation += 1;
        }
        self.record.get_or_insert(TpmVersion::Tpm12);
        self.kept = hash_key;
        match fate {
            Fate::LostAfter => None,
            Fate::KeptAndRefused(status) => said(status, &[]),
            _ => said(TpmResult::SUCCESS, &[]),
        }
    }

    fn hardware_12(&self, ordinal: u32, body: &[u8]) -> Vec<u8> {
        let number = Reader::new(body).u32().unwrap_or(0);
        match tpm12::Ordinal(ordinal) {
            tpm12::Ordinal::GET_RANDOM => {
                let random = vec![0x5c; usize::try_from(number.min(256)).unwrap_or(0)];
                let length = u32::try_from(random.len()).unwrap_or(0);
                success_response(&[&length.to_be_bytes()[..], &random].concat())
            }
            tpm12::Ordinal::PCR_READ if self.hardware.is_some() => {
                success_response(&hardware_pcr(number, HashAlgorithm::SHA1))
            }
            tpm12::Ordinal::PCR_READ => error_response(TpmResult::DISABLED),
            _ => error_response(TpmResult::DISABLED_CMD),
        }
    }

    fn hardware_20(&self, code: CommandCode, body: &[u8]) -> Vec<u8> {
        let mut reader = Reader::new(body);
        let done = PacketBuilder::new(Tag::NO_SESSIONS, 0);
        match code {
            CommandCode::GET_RANDOM => {
                let bytes = reader.u16().unwrap_or(0).min(256);
                done.sized(&vec![0x5c; usize::from(bytes)]).finish()
            }
            CommandCode::PCR_READ if self.hardware == Some(TpmVersion::Tpm20) => {
                self.pcr_20(reader).unwrap_or_else(|| tpm20::error_response(ResponseCode::SIZE))
            }
            _ => tpm20::error_response(ResponseCode::COMMAND_CODE),
        }
    }

    fn pcr_20(&self, mut body: Reader<'_>) -> Option<Vec<u8>> {
        let _one = body.u32().ok()?;
        let bank = HashAlgorithm(body.u16().ok()?);
        let [_, low, middle, high] = body.array().ok()?;
        let done = PacketBuilder::new(Tag::NO_SESSIONS, 0).u32(9);
        if !self.banks.contains(&bank) {
            return Some(done.u32(1).u16(bank.0).u8(3).bytes(&[0; 3]).u32(0).finish());
        }
        let pcr = u32::from_le_bytes([low, middle, high, 0]).trailing_zeros();
        let done = done.u32(1).u16(bank.0).u8(3).bytes(&[low, middle, high]);
        Some(done.u32(1).sized(&hardware_pcr(pcr, bank)).finish())
    }
}
