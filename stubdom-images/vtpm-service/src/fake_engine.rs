//! An engine that speaks just enough of both TPM families to judge the rules around it.

use alloc::vec;
use alloc::vec::Vec;
use tpm_wire::tpm12::Ordinal;
use tpm_wire::tpm20::{CommandCode, Handle, HashAlgorithm};
use tpm_wire::{Header, PacketBuilder, Reader, Tag, TpmVersion};
use vtpm_engine::{Engine, EngineError, Locality};

/// What happened to the engine, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A command, by its code.
    Command(u32),
    /// The power went and came back.
    PowerCycle,
}

/// See the module.
pub(crate) struct FakeEngine {
    version: TpmVersion,
    started: bool,
    pub(crate) kept_state: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) extended: Vec<(u32, HashAlgorithm, Vec<u8>)>,
    pub(crate) localities: Vec<u8>,
    pub(crate) platform_auth: Vec<u8>,
    pub(crate) banks: Vec<HashAlgorithm>,
    next_banks: Option<Vec<HashAlgorithm>>,
    pub(crate) answer_length: Option<usize>,
    pub(crate) broken: bool,
    random: u8,
}

impl FakeEngine {
    /// Powered on, Startup not sent.
    pub(crate) fn new(version: TpmVersion) -> Self {
        Self {
            version,
            started: false,
            kept_state: false,
            events: Vec::new(),
            extended: Vec::new(),
            localities: Vec::new(),
            platform_auth: Vec::new(),
            banks: HashAlgorithm::ALL.to_vec(),
            next_banks: None,
            answer_length: None,
            broken: false,
            random: 0,
        }
    }

    /// A TPM 2.0 after Startup.
    pub(crate) fn started() -> Self {
        Self { started: true, ..Self::new(TpmVersion::Tpm20) }
    }

    /// How often a command with this code was executed.
    pub(crate) fn count(&self, code: u32) -> usize {
        self.events.iter().filter(|event| **event == Event::Command(code)).count()
    }

    /// How often the power was cycled.
    pub(crate) fn power_cycles(&self) -> usize {
        self.events.iter().filter(|event| **event == Event::PowerCycle).count()
    }

    fn tag(&self) -> Tag {
        match self.version {
            TpmVersion::Tpm12 => Tag::RSP_COMMAND,
            TpmVersion::Tpm20 => Tag::NO_SESSIONS,
        }
    }

    fn answer(&self, code: u32) -> PacketBuilder {
        PacketBuilder::new(self.tag(), code)
    }

    fn startup(&mut self, wants_state: bool) -> Vec<u8> {
        if self.started {
            return self.answer(0x100).finish();
        }
        if wants_state && !self.kept_state {
            return self.answer(0x1C4).finish();
        }
        self.started = true;
        if !wants_state {
            self.platform_auth.clear();
        }
        self.answer(0).finish()
    }

    fn random(&mut self, wanted: u16) -> Vec<u8> {
        self.random = self.random.wrapping_add(1);
        self.answer(0).sized(&vec![self.random; usize::from(wanted.min(64))]).finish()
    }

    fn capability(&self, area: u32, first: u32) -> Vec<u8> {
        let head = self.answer(0).u8(0).u32(area);
        if area == 6 {
            return head.u32(1).u32(first).bytes(b"FAKE").finish();
        }
        let count = u32::try_from(HashAlgorithm::ALL.len()).unwrap();
        let select = |packet: PacketBuilder, bank: &HashAlgorithm| {
            let bits = if self.banks.contains(bank) { 0xFF } else { 0 };
            packet.u16(bank.0).u8(3).bytes(&[bits; 3])
        };
        HashAlgorithm::ALL.iter().fold(head.u32(count), select).finish()
    }

    fn extend(&mut self, mut body: Reader<'_>) -> Vec<u8> {
        let pcr = body.u32().unwrap();
        body.bytes(13).unwrap();
        for _ in 0..body.u32().unwrap() {
            let bank = HashAlgorithm(body.u16().unwrap());
            let digest = body.bytes(bank.digest_bytes().unwrap()).unwrap();
            self.extended.push((pcr, bank, digest.to_vec()));
        }
        self.answer(0).finish()
    }

    fn allocate(&mut self, mut body: Reader<'_>) -> Vec<u8> {
        body.bytes(4 + 13).unwrap();
        let mut banks = Vec::new();
        for _ in 0..body.u32().unwrap() {
            let bank = HashAlgorithm(body.u16().unwrap());
            if body.bytes(4).unwrap() == [3, 0xFF, 0xFF, 0xFF] {
                banks.push(bank);
            }
        }
        self.next_banks = Some(banks);
        let parameters = PacketBuilder::new(Tag::SESSIONS, 0).u32(13).u8(1);
        parameters.bytes(&[0; 12]).bytes(&[0; 5]).finish()
    }

    fn change_auth(&mut self, mut body: Reader<'_>) -> Vec<u8> {
        assert_eq!(body.u32().unwrap(), Handle::PLATFORM.0);
        body.bytes(13).unwrap();
        self.platform_auth = body.sized().unwrap().to_vec();
        self.answer(0).finish()
    }

    fn tpm20(&mut self, code: CommandCode, mut body: Reader<'_>) -> Vec<u8> {
        match code {
            CommandCode::STARTUP => self.startup(body.u16().unwrap() == 1),
            CommandCode::GET_RANDOM => self.random(body.u16().unwrap()),
            CommandCode::GET_CAPABILITY => {
                self.capability(body.u32().unwrap(), body.u32().unwrap())
            }
            CommandCode::PCR_READ => {
                let selection = self.answer(0).u32(1).u32(1).u16(4).u8(3).bytes(&[0, 4, 0]);
                selection.u32(1).sized(&[0x11; 20]).finish()
            }
            CommandCode::PCR_EXTEND => self.extend(body),
            CommandCode::PCR_ALLOCATE => self.allocate(body),
            CommandCode::HIERARCHY_CHANGE_AUTH => self.change_auth(body),
            _ => self.answer(0).finish(),
        }
    }

    fn tpm12(&mut self, ordinal: Ordinal, mut body: Reader<'_>) -> Vec<u8> {
        match ordinal {
            Ordinal::STARTUP => self.startup(body.u16().unwrap() == 2),
            _ => self.answer(0).finish(),
        }
    }
}

impl Engine for FakeEngine {
    fn execute(&mut self, locality: Locality, command: &[u8]) -> Result<Vec<u8>, EngineError> {
        if self.broken {
            return Err(EngineError::NoEntropy);
        }
        let (header, body) = Header::parse(command).unwrap();
        self.events.push(Event::Command(header.code));
        self.localities.push(locality.number());
        if let Some(length) = self.answer_length {
            return Ok(vec![0; length]);
        }
        let body = Reader::new(body);
        Ok(match self.version {
            TpmVersion::Tpm12 => self.tpm12(Ordinal(header.code), body),
            TpmVersion::Tpm20 => self.tpm20(CommandCode(header.code), body),
        })
    }

    fn power_cycle(&mut self) -> Result<(), EngineError> {
        self.events.push(Event::PowerCycle);
        self.started = false;
        if let Some(banks) = self.next_banks.take() {
            self.banks = banks;
        }
        Ok(())
    }
}
