//! A hardware TPM's registers say anything.

use super::bytes::Bytes;
use domain_io::Clock;
use domain_io::test_utils::FakeClock;
use std::time::Duration;
use tpm_hw::test_utils::{CrbModel, Executor, Flaky, Liar, TisModel, bus};
use tpm_hw::{Crb, HardwareArguments, HardwareTpm, Locality, MAX_PACKET_BYTES, Mmio, Tis, detect};

const BASE: u64 = 0xFED4_0000;
const WINDOW_BYTES: u64 = 0x5000;
/// More numbers make an input slow and say nothing new: they come round and round.
const MOST_NUMBERS: usize = 600;
/// One command's: an execution limit, two transfers, and every time-out of the interface a few
/// times.
const LIMIT: Duration = Duration::from_secs(200);

/// The first byte chooses what lies and to whom; the numbers behind it are what registers say (of
/// four bytes), or which bits a bad line flips (a byte of how many times none, and one that says
/// which).
///
/// # Panics
/// When a driver waits too long, or takes a response that no TPM can give.
pub fn hardware_tpm(data: &[u8]) {
    let mut bytes = Bytes(data);
    let clock = FakeClock::default();
    match bytes.byte() % 5 {
        0 => fifo(Liar::new(numbers(&mut bytes), WINDOW_BYTES), &clock),
        1 => buffer(Liar::new(numbers(&mut bytes), WINDOW_BYTES), &clock),
        2 => fifo(Flaky::new(TisModel::new(clock.clone(), echo()), flips(&mut bytes)), &clock),
        3 => {
            let model = CrbModel::new(BASE, clock.clone(), echo());
            buffer(Flaky::new(model, flips(&mut bytes)), &clock);
        }
        _ => {
            let liar = bus(BASE, Liar::new(numbers(&mut bytes), WINDOW_BYTES));
            let _ = detect(liar, &HardwareArguments::default(), clock.clone());
            assert!(clock.now() < LIMIT, "{:?}", clock.now());
        }
    }
}

fn numbers(bytes: &mut Bytes<'_>) -> Vec<u32> {
    let mut numbers = Vec::new();
    while !bytes.is_empty() && numbers.len() < MOST_NUMBERS {
        numbers.push(bytes.long());
    }
    numbers
}

fn flips(bytes: &mut Bytes<'_>) -> Vec<u32> {
    let mut flips = Vec::new();
    while !bytes.is_empty() && flips.len() < MOST_NUMBERS {
        flips.resize(flips.len() + usize::from(bytes.byte()), 0);
        flips.push(match bytes.byte() {
            bit @ 0..32 => 1 << bit,
            _ => bytes.long(),
        });
    }
    flips
}

/// Answers every command with success and its own bytes behind the header.
fn echo() -> Executor {
    Box::new(|command| {
        let mut response = command.to_vec();
        if let Some(code) = response.get_mut(6..10) {
            code.fill(0);
        }
        response
    })
}

fn fifo<M: Mmio + 'static>(mmio: M, clock: &FakeClock) {
    if let Ok(mut tpm) = Tis::open(bus(BASE, mmio), BASE, Locality::ZERO, clock.clone()) {
        talk(&mut tpm, clock);
    }
}

fn buffer<M: Mmio + 'static>(mmio: M, clock: &FakeClock) {
    if let Ok(mut tpm) = Crb::open(bus(BASE, mmio), BASE, Locality::ZERO, clock.clone()) {
        talk(&mut tpm, clock);
    }
}

fn talk(tpm: &mut dyn HardwareTpm, clock: &FakeClock) {
    for length in [12_u8, 200, 12] {
        let mut command = vec![0x5A; length.into()];
        command[..10].copy_from_slice(&[0x80, 1, 0, 0, 0, length, 0, 0, 1, 0x7B]);
        let begin = clock.now();
        match tpm.transmit(&command) {
            Ok(response) => assert!((10..=MAX_PACKET_BYTES).contains(&response.len())),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
        assert!(clock.now() - begin < LIMIT, "{:?}", clock.now() - begin);
    }
}
