//! Between manager and swtpm: counts increments, holds some back for their rate, and wears out.

use peers::{Family, RawTpm, Swtpm, unless_missing};
use std::cell::RefCell;
use std::rc::Rc;
use tpm_wire::tpm20::{ResponseCode, error_response};
use tpm_wire::{Header, PacketBuilder, Tag};

const NV_INCREMENT: u32 = 0x134;
const INCREMENT_COUNTER: u32 = 0xDD;
const CREATE_PRIMARY: u32 = 0x131;
const SHUTDOWN: u32 = 0x145;
const SAVE_STATE: u32 = 0x98;

/// `TPM_RC_NV_RATE` and `TPM_RC_NV_UNAVAILABLE`.
const NV_RATE: ResponseCode = ResponseCode(0x920);
const NV_UNAVAILABLE: ResponseCode = ResponseCode(0x923);

/// A TPM whose memory is slow and mortal.
pub(crate) struct Layer {
    tpm: RawTpm,
    /// Increments that were carried out.
    pub(crate) increments: u32,
    /// Every so manieth increment is held back once for its rate.
    pub(crate) rate_every: Option<u32>,
    asked: u32,
    /// Increments beyond this many are refused.
    pub(crate) worn_after: Option<u32>,
    /// Increments are carried out, but their answers are lost.
    pub(crate) loses_answers: bool,
    /// How often it is held back yet when it is told to rest.
    pub(crate) restless: u32,
    /// It has no time to make keys.
    pub(crate) is_busy: bool,
    /// The last command, and its answer.
    pub(crate) last: (Vec<u8>, Vec<u8>),
    /// How many commands there were, and how many bytes in them and in their answers.
    pub(crate) traffic: (usize, usize),
}

/// A connection that the test and the manager share, as a chip on the board would be.
pub(crate) type Wire = Rc<RefCell<Layer>>;

impl Layer {
    pub(crate) fn on(swtpm: &Swtpm) -> Wire {
        let tpm = swtpm.connect().expect("swtpm takes a connection");
        Rc::new(RefCell::new(Self {
            tpm,
            increments: 0,
            rate_every: None,
            asked: 0,
            worn_after: None,
            loses_answers: false,
            restless: 0,
            is_busy: false,
            last: Default::default(),
            traffic: (0, 0),
        }))
    }

    /// A fresh TPM, or `None` where there is no swtpm.
    pub(crate) fn fresh(family: Family) -> Option<(Swtpm, Wire)> {
        let swtpm = unless_missing(Swtpm::start(family))?;
        let wire = Self::on(&swtpm);
        Some((swtpm, wire))
    }

    pub(crate) fn transmit(&mut self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        let answer = self.answer(command)?;
        let (commands, bytes) = self.traffic;
        self.traffic = (commands + 1, bytes + command.len() + answer.len());
        self.last = (command.to_vec(), answer.clone());
        Ok(answer)
    }

    fn answer(&mut self, command: &[u8]) -> std::io::Result<Vec<u8>> {
        let code = Header::parse(command).expect("a packet").0.code;
        if [SHUTDOWN, SAVE_STATE].contains(&code) && self.restless > 0 {
            self.restless -= 1;
            return Ok(refused(command, NV_RATE));
        }
        if self.is_busy && code == CREATE_PRIMARY {
            return Ok(refused(command, ResponseCode::RETRY));
        }
        if code != NV_INCREMENT && code != INCREMENT_COUNTER {
            return self.tpm.transmit(command);
        }
        self.asked += 1;
        if self.rate_every.is_some_and(|every| self.asked.is_multiple_of(every)) {
            return Ok(refused(command, NV_RATE));
        }
        if self.worn_after.is_some_and(|most| self.increments >= most) {
            return Ok(refused(command, NV_UNAVAILABLE));
        }
        let answer = self.tpm.transmit(command)?;
        if Header::parse(&answer).expect("a packet").0.code == 0 {
            self.increments += 1;
        }
        Ok(if self.loses_answers { refused(command, NV_UNAVAILABLE) } else { answer })
    }

    /// Another life of the TPM, without its sessions and objects.
    pub(crate) fn replace(&mut self, swtpm: &Swtpm) {
        self.tpm = swtpm.connect().expect("swtpm takes a connection");
    }

    /// The owner removes a TPM 2.0's counter (`TPM2_NV_UndefineSpace`).
    pub(crate) fn remove_counter(&mut self) {
        let start = PacketBuilder::new(Tag::SESSIONS, 0x122).u32(0x4000_0001).u32(0x0180_7674);
        let command = start.u32(9).u32(0x4000_0009).u16(0).u8(0).u16(0).finish();
        let answer = self.tpm.transmit(&command).expect("an answer");
        assert_eq!(Header::parse(&answer).expect("a packet").0.code, 0);
    }
}

fn refused(command: &[u8], code: ResponseCode) -> Vec<u8> {
    let tag = Header::parse(command).expect("a packet").0.tag;
    if [Tag::RQU_COMMAND, Tag::RQU_AUTH1_COMMAND].contains(&tag) {
        // TPM_RETRY
        return PacketBuilder::new(Tag(0xC4), 0x800).finish();
    }
    error_response(code)
}
