//! What is measured, and what each figure aims at.

use crate::measure::{self, Rounds, Times};
use crate::sides::{Sides, Tpm};
use crate::{crowd, durable, fairness, limit, longest, rollback, scale};
use anyhow::Result;
use flow_tests::packets::key::{self, Kind, Template};
use flow_tests::packets::{flush, nv};
use std::time::Duration;
use tpm_wire::tpm20::{HashAlgorithm, get_random, pcr_extend, pcr_read};

/// The aim for what the path of a command costs, and the one for what the engine costs.
const PATH_AIM: f64 = 0.5;
const ENGINE_AIM: f64 = 1.1;

const INDEX: u32 = 0x0150_0001;
/// The handle of the only loaded object.
const FIRST_TRANSIENT: u32 = 0x8000_0000;

/// One line of the table.
pub(crate) struct Row {
    /// What to call it on the command line.
    pub(crate) name: &'static str,
    what: &'static str,
    aim: Option<f64>,
    work: Work,
}

enum Work {
    /// Any number of times, after and before these.
    Repeat {
        before: fn() -> Vec<Vec<u8>>,
        packet: fn() -> Vec<u8>,
        after: fn() -> Vec<Vec<u8>>,
        cheap: bool,
    },
    /// This many primary keys.
    Keys(Kind, u16),
}

/// What came out.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) what: String,
    pub(crate) aim: Option<f64>,
    pub(crate) times: Times,
    /// What no vTPM can be faster than here, where that was measured.
    pub(crate) limit: Option<Duration>,
}

impl Measured {
    /// Ours by the peer's.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.times.peer.map(|peer| self.times.ours.as_secs_f64() / peer.as_secs_f64())
    }

    /// Whether there is an aim and it is missed.
    pub(crate) fn misses_its_aim(&self) -> bool {
        matches!((self.ratio(), self.aim), (Some(ratio), Some(aim)) if ratio > aim)
    }

    /// Whether there is an aim and nothing to compare with.
    pub(crate) fn lacks_its_ratio(&self) -> bool {
        self.aim.is_some() && self.ratio().is_none()
    }
}

const NOTHING: fn() -> Vec<Vec<u8>> = Vec::new;

fn signing(kind: Kind) -> Vec<Vec<u8>> {
    vec![Template::new(kind).create_primary()]
}

fn sign() -> Vec<u8> {
    key::sign(FIRST_TRANSIENT, &[], &[7; 32])
}

fn quote() -> Vec<u8> {
    key::quote(FIRST_TRANSIENT, &[7; 32], 8)
}

fn flush_key() -> Vec<Vec<u8>> {
    vec![flush(FIRST_TRANSIENT)]
}

/// Every row, in the order of the table.
pub(crate) static ALL: [Row; 11] = [
    Row {
        name: "get-random",
        what: "TPM2_GetRandom(32)",
        aim: Some(PATH_AIM),
        work: Work::Repeat {
            before: NOTHING,
            packet: || get_random(32),
            after: NOTHING,
            cheap: true,
        },
    },
    Row {
        name: "pcr-read",
        what: "TPM2_PCR_Read, one PCR of SHA-256",
        aim: None,
        work: Work::Repeat {
            before: NOTHING,
            packet: || pcr_read(HashAlgorithm::SHA256, 8),
            after: NOTHING,
            cheap: true,
        },
    },
    Row {
        name: "pcr-extend",
        what: "TPM2_PCR_Extend, SHA-256",
        aim: None,
        work: Work::Repeat {
            before: NOTHING,
            packet: || pcr_extend(8, &[(HashAlgorithm::SHA256, vec![1; 32])]),
            after: NOTHING,
            cheap: true,
        },
    },
    Row {
        name: "nv-read",
        what: "TPM2_NV_Read of 64 bytes",
        aim: None,
        work: Work::Repeat {
            before: || vec![nv::define(INDEX, 64), nv::write(INDEX, &[1; 64])],
            packet: || nv::read(INDEX, 64),
            after: || vec![nv::undefine(INDEX)],
            cheap: true,
        },
    },
    Row {
        name: "rsa-primary",
        what: "TPM2_CreatePrimary RSA-2048",
        aim: Some(ENGINE_AIM),
        work: Work::Keys(Kind::RsaStorage(2048), 100),
    },
    Row {
        name: "rsa-3072-primary",
        what: "TPM2_CreatePrimary RSA-3072",
        aim: None,
        work: Work::Keys(Kind::RsaStorage(3072), 10),
    },
    Row {
        name: "ecc-primary",
        what: "TPM2_CreatePrimary ECC P-256",
        aim: Some(ENGINE_AIM),
        work: Work::Keys(Kind::EccStorage, 100),
    },
    Row {
        name: "rsa-sign",
        what: "TPM2_Sign RSASSA-2048",
        aim: Some(ENGINE_AIM),
        work: Work::Repeat {
            before: || signing(Kind::RsaSigning(2048)),
            packet: sign,
            after: flush_key,
            cheap: false,
        },
    },
    Row {
        name: "ecc-sign",
        what: "TPM2_Sign ECDSA P-256",
        aim: Some(ENGINE_AIM),
        work: Work::Repeat {
            before: || signing(Kind::EccSigning),
            packet: sign,
            after: flush_key,
            cheap: false,
        },
    },
    Row {
        name: "rsa-quote",
        what: "TPM2_Quote, one PCR, RSASSA-2048",
        aim: Some(ENGINE_AIM),
        work: Work::Repeat {
            before: || signing(Kind::RsaSigning(2048)),
            packet: quote,
            after: flush_key,
            cheap: false,
        },
    },
    Row {
        name: "ecc-quote",
        what: "TPM2_Quote, one PCR, ECDSA P-256",
        aim: Some(ENGINE_AIM),
        work: Work::Repeat {
            before: || signing(Kind::EccSigning),
            packet: quote,
            after: flush_key,
            cheap: false,
        },
    },
];

/// All names, for the command line.
pub(crate) fn names() -> Vec<&'static str> {
    ALL.iter()
        .map(|row| row.name)
        .chain([
            durable::NAME,
            crowd::NAME,
            fairness::NAME,
            longest::NAME,
            rollback::NAME,
            scale::NAME,
        ])
        .collect()
}

/// The rows that cost little, whose own path is what counts.
pub(crate) fn cheap() -> impl Iterator<Item = &'static str> {
    let cheap = |row: &&Row| matches!(row.work, Work::Repeat { cheap: true, .. });
    ALL.iter().filter(cheap).map(|row| row.name)
}

impl Row {
    /// The commands before, and the one that is repeated; none of a row that makes keys.
    pub(crate) fn repeated(&self) -> Option<(Vec<Vec<u8>>, Vec<u8>)> {
        match &self.work {
            Work::Repeat { before, packet, .. } => Some((before(), packet())),
            Work::Keys(..) => None,
        }
    }

    /// What this row takes one TPM on its own.
    pub(crate) fn alone(&self, tpm: &mut dyn Tpm, quick: bool) -> Result<Duration> {
        match &self.work {
            Work::Repeat { before, packet, cheap, .. } => {
                before().iter().try_for_each(|packet| tpm.succeed(packet).map(|_| ()))?;
                measure::repeated_alone(tpm, &packet(), rounds(*cheap, quick))
            }
            Work::Keys(kind, count) => {
                measure::keys_alone(tpm, &templates(*kind, &uniques(*count, quick)))
            }
        }
    }

    /// Measures this row; `quick` repeats less.
    pub(crate) fn measure(&self, sides: &mut Sides, quick: bool) -> Result<Measured> {
        let (times, what) = match &self.work {
            Work::Repeat { before, packet, after, cheap } => {
                sides.prepare(&before())?;
                let times = measure::repeated(sides, &packet(), rounds(*cheap, quick))?;
                sides.prepare(&after())?;
                (times, self.what.into())
            }
            Work::Keys(kind, count) => {
                let uniques = uniques(*count, quick);
                let times = measure::keys(sides, &templates(*kind, &uniques))?;
                (times, format!("{}, {} keys", self.what, uniques.len()))
            }
        };
        let limit = Some(limit::of_engine(self, sides.state(), quick)?);
        Ok(Measured { name: self.name, what, aim: self.aim, times, limit })
    }
}

/// What tells the templates of so many keys apart.
fn uniques(count: u16, quick: bool) -> Vec<[u8; 2]> {
    let count = if quick { count.div_ceil(10) } else { count };
    (0..count).map(u16::to_be_bytes).collect()
}

fn templates(kind: Kind, uniques: &[[u8; 2]]) -> Vec<Template<'_>> {
    let template = |unique| Template { unique, ..Template::new(kind) };
    uniques.iter().map(|unique| template(&unique[..])).collect()
}

fn rounds(cheap: bool, quick: bool) -> Rounds {
    match (cheap, quick) {
        (true, false) => Rounds { rounds: 500, batch: 200 },
        (true, true) => Rounds { rounds: 50, batch: 100 },
        (false, false) => Rounds { rounds: 200, batch: 4 },
        (false, true) => Rounds { rounds: 20, batch: 2 },
    }
}
