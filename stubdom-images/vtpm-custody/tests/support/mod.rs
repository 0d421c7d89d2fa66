//! What the tests of this crate share: a software TPM that can be switched off and on, and a
//! listener on its bus.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod administrator;

use domain_io::test_utils::{FakeClock, FakeEntropy};
use peers::{Family, RawTpm, Swtpm, unless_missing};
use std::path::Path;
use tempfile::TempDir;
use tpm_hw::test_utils::set_up_tpm12;
use tpm_hw::{HardwareError, HardwareTpm, flush, start};
use tpm_wire::tpm20::{self, HashAlgorithm};
use tpm_wire::{Header, TpmVersion};
use vtpm_custody::{Access, Custody, Platform};

/// What may happen to a packet on the bus.
pub(crate) type Tamper = Box<dyn FnMut(u32, &mut Vec<u8>)>;

/// A TPM whose state outlives its power, and everything that ever crossed its bus.
pub(crate) struct Machine {
    pub(crate) version: TpmVersion,
    family: Family,
    state: TempDir,
    power: Option<(Swtpm, RawTpm)>,
    pub(crate) heard: Vec<Vec<u8>>,
    /// Changes answers; it is told the command's code.
    pub(crate) tamper: Option<Tamper>,
    /// A response code to give instead of running commands, and how many times.
    pub(crate) busy: (u32, u32),
    /// A command that is answered and never carried out, as if its sender had been killed before.
    pub(crate) loses: Option<u32>,
    pub(crate) clock: FakeClock,
    pub(crate) entropy: FakeEntropy,
    pub(crate) access: Access,
}

impl Machine {
    /// A blank TPM 2.0, started, with a measured boot.
    pub(crate) fn tpm20() -> Option<Self> {
        let mut machine = Self::blank(Family::Tpm20, TpmVersion::Tpm20)?;
        machine.boot(b"boot")?;
        Some(machine)
    }

    /// A TPM 1.2 as a vendor ships it: enabled and active, without an owner.
    pub(crate) fn tpm12() -> Option<Self> {
        let mut machine = Self::blank(Family::Tpm12, TpmVersion::Tpm12)?;
        for command in set_up_tpm12() {
            assert_eq!(machine.code(&command), 0, "{command:x?}");
        }
        machine.boot(b"boot")?;
        Some(machine)
    }

    pub(crate) fn blank(family: Family, version: TpmVersion) -> Option<Self> {
        let mut machine = Self {
            version,
            family,
            state: tempfile::tempdir().unwrap(),
            power: None,
            heard: Vec::new(),
            tamper: None,
            busy: (0, 0),
            loses: None,
            clock: FakeClock::default(),
            entropy: FakeEntropy::new(7),
            access: Access::default(),
        };
        machine.switch_on()?;
        Some(machine)
    }

    /// A machine whose TPM has a copy of this one's permanent state, switched on.
    pub(crate) fn copy(state: &Path, family: Family, version: TpmVersion) -> Option<Self> {
        let mut machine = Self::blank(family, version)?;
        machine.power = None;
        for file in std::fs::read_dir(state).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), machine.state.path().join(file.file_name())).unwrap();
        }
        machine.switch_on()?;
        Some(machine)
    }

    /// Switches off for good and leaves the permanent state.
    pub(crate) fn into_state(mut self) -> TempDir {
        self.power = None;
        self.state
    }

    /// Off and on again, no measurements yet.
    pub(crate) fn switch_on(&mut self) -> Option<()> {
        self.power = None;
        let path: &Path = self.state.path();
        let swtpm = unless_missing(Swtpm::start_with_state(self.family, path))?;
        let line = unless_missing(swtpm.connect())?;
        self.power = Some((swtpm, line));
        Some(())
    }

    /// Off and on again; firmware starts the TPM and measures `chain` into PCRs 0 to 7, the manager
    /// starts and flushes it.
    pub(crate) fn boot(&mut self, chain: &[u8]) -> Option<()> {
        self.boot_without_measuring()?;
        (0..8).for_each(|pcr| self.measure(pcr, chain));
        Some(())
    }

    /// Off and on again; the TPM is started and flushed.
    pub(crate) fn boot_without_measuring(&mut self) -> Option<()> {
        self.switch_on()?;
        let (version, clock) = (self.version, self.clock.clone());
        start(self, version, &clock).unwrap();
        flush(self, version, &vtpm_custody::is_ours).unwrap();
        Some(())
    }

    /// A machine's firmware measures something.
    pub(crate) fn measure(&mut self, pcr: u32, what: &[u8]) {
        let digest: Vec<u8> = what.iter().copied().cycle().take(64).collect();
        let banks: Vec<_> = HashAlgorithm::ALL
            .iter()
            .map(|bank| (*bank, digest[..bank.digest_bytes().unwrap()].to_vec()))
            .collect();
        let command = match self.version {
            TpmVersion::Tpm20 => tpm20::pcr_extend(pcr, &banks),
            TpmVersion::Tpm12 => {
                let start = tpm_wire::PacketBuilder::new(tpm_wire::Tag::RQU_COMMAND, 0x14);
                start.u32(pcr).bytes(&digest[..20]).finish()
            }
        };
        assert_eq!(self.code(&command), 0);
    }

    pub(crate) fn code(&mut self, command: &[u8]) -> u32 {
        Header::parse(&self.transmit(command).unwrap()).unwrap().0.code
    }

    /// Works with custody of this machine's TPM.
    pub(crate) fn custody<R>(&mut self, work: impl FnOnce(&mut Custody<'_>) -> R) -> R {
        let (version, access) = (self.version, self.access.clone());
        let (clock, mut entropy) = (self.clock.clone(), self.entropy.clone());
        let platform = Platform { tpm: self, time: &clock, entropy: &mut entropy };
        let result = work(&mut Custody::new(platform, version, access));
        self.entropy = entropy;
        result
    }

    /// Whether these bytes ever crossed the bus.
    pub(crate) fn was_heard(&self, bytes: &[u8]) -> bool {
        self.heard.iter().any(|packet| packet.windows(bytes.len()).any(|part| part == bytes))
    }
}

impl HardwareTpm for Machine {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, HardwareError> {
        if self.busy.1 > 0 {
            self.busy.1 -= 1;
            let code = tpm_wire::tpm20::ResponseCode(self.busy.0);
            return Ok(tpm20::error_response(code));
        }
        if self.loses == Some(Header::parse(command).unwrap().0.code) {
            return Ok(tpm20::error_response(tpm_wire::tpm20::ResponseCode(0)));
        }
        let (_, line) = self.power.as_mut().ok_or(HardwareError::Absent)?;
        let mut response = line.transmit(command).expect("swtpm answers");
        self.heard.push(command.to_vec());
        self.heard.push(response.clone());
        let code = Header::parse(command).unwrap().0.code;
        if let Some(tamper) = &mut self.tamper {
            tamper(code, &mut response);
        }
        Ok(response)
    }
}
