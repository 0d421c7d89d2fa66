//! Taking turns and taking time.

use crate::sides::{Sides, Tpm};
use anyhow::{Result, ensure};
use flow_tests::packets::key::Template;
use flow_tests::packets::{flush, handle};
use std::time::{Duration, Instant};

/// What the two sides took; the peer's where there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) ours: Duration,
    pub(crate) peer: Option<Duration>,
}

/// How much to repeat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    /// How often the sides take turns.
    pub(crate) rounds: usize,
    /// How many commands in each turn.
    pub(crate) batch: u32,
}

/// One command over and over: the average within each side's fastest turn. On a machine that does
/// other things as well, only quiet moments say something about the TPM.
pub(crate) fn repeated(sides: &mut Sides, packet: &[u8], rounds: Rounds) -> Result<Times> {
    let mut fastest = (None, None);
    for _ in 0..rounds.rounds {
        let (own, peer) = sides.both();
        keep_fastest(&mut fastest.0, batch(own, packet, rounds.batch)?);
        if let Some(peer) = peer {
            keep_fastest(&mut fastest.1, batch(peer, packet, rounds.batch)?);
        }
    }
    let ours = fastest.0.unwrap_or_default();
    Ok(Times { ours, peer: fastest.1 })
}

/// The same of one TPM on its own.
pub(crate) fn repeated_alone(tpm: &mut dyn Tpm, packet: &[u8], rounds: Rounds) -> Result<Duration> {
    let mut fastest = None;
    for _ in 0..rounds.rounds {
        keep_fastest(&mut fastest, batch(tpm, packet, rounds.batch)?);
    }
    Ok(fastest.unwrap_or_default())
}

pub(crate) fn keep_fastest(fastest: &mut Option<Duration>, took: Duration) {
    *fastest = Some(fastest.map_or(took, |before| before.min(took)));
}

fn batch(tpm: &mut dyn Tpm, packet: &[u8], count: u32) -> Result<Duration> {
    let start = Instant::now();
    for _ in 0..count {
        tpm.succeed(packet)?;
    }
    Ok(start.elapsed() / count.max(1))
}

/// How often each template is tried; the fastest counts.
const TRIES: usize = 3;

/// The same keys on both sides, as many as there are templates: the sums of all times. Each key
/// must come out byte for byte the same, which shows that both sides searched the same primes.
pub(crate) fn keys(sides: &mut Sides, templates: &[Template<'_>]) -> Result<Times> {
    let mut sum = Times { ours: Duration::ZERO, peer: None };
    for template in templates {
        let packet = template.create_primary();
        let mut fastest = (None, None);
        for _ in 0..TRIES {
            let (own, peer) = sides.both();
            let (key, took) = key(own, &packet)?;
            keep_fastest(&mut fastest.0, took);
            if let Some(peer) = peer {
                let (peer_key, took) = self::key(peer, &packet)?;
                ensure!(key == peer_key, "the two sides made different keys");
                keep_fastest(&mut fastest.1, took);
            }
        }
        let ours = fastest.0.unwrap_or_default();
        sum.ours += ours;
        sum.peer = fastest.1.map(|took| sum.peer.unwrap_or_default() + took);
    }
    Ok(sum)
}

/// The same of one TPM on its own.
pub(crate) fn keys_alone(tpm: &mut dyn Tpm, templates: &[Template<'_>]) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for template in templates {
        let mut fastest = None;
        for _ in 0..TRIES {
            keep_fastest(&mut fastest, key(tpm, &template.create_primary())?.1);
        }
        sum += fastest.unwrap_or_default();
    }
    Ok(sum)
}

/// Makes a key and flushes it. What the TPM said of it, and how long the making took.
fn key(tpm: &mut dyn Tpm, packet: &[u8]) -> Result<(Vec<u8>, Duration)> {
    let start = Instant::now();
    let answer = tpm.succeed(packet)?;
    let took = start.elapsed();
    tpm.succeed(&flush(handle(&answer)))?;
    Ok((answer, took))
}
