//! Measures in a Linux guest how long a command to its TPM takes, from write to read.
//!
//! Linux's driver looks at the answer once after it has sent the command and then every five
//! milliseconds (`TPM_TIMEOUT`, drivers/char/tpm/tpm.h): times lie in heaps, and the first heap is
//! what was answered before the driver slept.
#![forbid(unsafe_code)]

mod times;

use anyhow::{Context, Result, bail, ensure};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use times::Times;
use tpm_wire::tpm20::{HashAlgorithm, get_random, pcr_extend, pcr_read};

const USAGE: &str = "guest-clock DEVICE get-random|pcr-read|pcr-extend|PACKET-IN-HEX TIMES";

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [device, command, times] = words.as_slice() else { bail!("usage: {USAGE}") };
    let times: usize = times.parse().with_context(|| format!("{times} is no number; {USAGE}"))?;
    let packet = packet(command)?;
    let file = OpenOptions::new().read(true).write(true).open(device);
    let mut file = file.with_context(|| format!("cannot open {device}"))?;
    let taken = (0..times).map(|_| once(&mut file, &packet)).collect::<Result<Vec<_>>>()?;
    println!("{command}: {}", Times::of(taken).context("no command was sent")?);
    Ok(())
}

fn packet(command: &str) -> Result<Vec<u8>> {
    Ok(match command {
        "get-random" => get_random(32),
        "pcr-read" => pcr_read(HashAlgorithm::SHA256, 8),
        "pcr-extend" => pcr_extend(8, &[(HashAlgorithm::SHA256, vec![1; 32])]),
        hex => bytes(hex).with_context(|| format!("{hex} is no command; {USAGE}"))?,
    })
}

/// The bytes that an even number of hexadecimal digits stands for.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    (rest.is_empty() && !pairs.is_empty()).then(|| pairs.iter().map(|[a, b]| a << 4 | b).collect())
}

/// Sends the command and waits for its answer, which has to be a success.
fn once(file: &mut File, packet: &[u8]) -> Result<Duration> {
    let (began, mut answer) = (Instant::now(), [0; 4096]);
    file.write_all(packet).context("the driver does not take the command")?;
    let length = file.read(&mut answer).context("the driver has no answer")?;
    let took = began.elapsed();
    let code = answer.get(6..10).filter(|_| length >= 10);
    ensure!(code == Some(&[0; 4]), "the TPM answers {:02x?}", &answer[..length]);
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_in_hex_is_its_bytes_and_nothing_else_is_one() {
        assert_eq!(bytes("80017bff").unwrap(), [0x80, 1, 0x7b, 0xff]);
        for wrong in ["", "8", "8001x0", "é1"] {
            assert!(bytes(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_answer_that_is_no_success_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        // A file gives back what comes after what was written: nothing.
        let error = once(&mut file, &get_random(32)).unwrap_err().to_string();
        assert_eq!(error, "the TPM answers []");
    }
}
