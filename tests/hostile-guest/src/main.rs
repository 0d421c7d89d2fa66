//! A hostile program of root's in a Linux guest with the stock driver, for the lab. By turns it is a frontend of
//! its own, by the devices that Linux has for grants and event channels, and does through the driver what a
//! driver lets it do: it unbinds and binds it, floods the TPM's device, and tries what is behind it.
//!
//!     hostile-guest seed=NUMBER seconds=NUMBER others=DOMAIN,...
//!     hostile-guest flood NUMBER SECONDS      commands to /dev/tpm0 (what the former starts)
//!
//! It says `HOSTILE begins`, and, when its time is over or there is a file /run/hostile-stop, one line
//! `HOSTILE ends` with what it has done; then there is a file /run/hostile-stopped.
#![forbid(unsafe_code)]

mod driver;
mod memory;
mod ports;
mod store;

use anyhow::{Context, Result, bail};
use domain_io::{Clock, DomainId, Xenstore};
use driver::Driver;
use hostile_stubdom::{Hostile, Random, Rest, Target};
use ports::Crowd;
use std::fs;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant};
use store::Xenbus;
use xen_devices_sys::{Devices, Page};

const STOP: &str = "/run/hostile-stop";
const STOPPED: &str = "/run/hostile-stopped";
/// How much is done as a frontend before it is the driver's turn.
const ACTS: u32 = 60;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [flood, seed, seconds] = &words[..]
        && flood == "flood"
    {
        return driver::flood(number(seed)?, Duration::from_secs(number(seconds)?));
    }
    attack(&words)
}

fn attack(words: &[String]) -> Result<()> {
    let value =
        |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let seed: u64 = number(value("seed").unwrap_or("1"))?;
    let seconds = number(value("seconds").unwrap_or("30"))?;
    let target = target(value("others").unwrap_or("0"))?;
    println!("HOSTILE begins: seed {seed}, {seconds} s, {target:?}");
    println!("HOSTILE sees: {}", memory::what_linux_allows());
    let (mut time, mut random) = (Time(Instant::now()), Random::new(!seed));
    let mut driver = Driver::new(&target)?;
    let mut crowd = Crowd::default();
    let devices = Devices::open().context("/dev/xen/gntalloc and gntdev")?;
    let mut hostile = Hostile::new(Xenbus::open()?, devices, Page::revoke, target.clone(), seed);
    let end = Duration::from_secs(seconds);
    while time.now() < end && !Path::new(STOP).exists() {
        driver.turn(&mut random, &mut time);
        crowd.turn(&mut random, &target)?;
        driver.unbind();
        for _ in 0..ACTS {
            hostile.act(&mut time);
            if Path::new(STOP).exists() {
                break;
            }
        }
    }
    drop(driver.flooding.take());
    hostile.leave();
    let tally = hostile.tally().to_string();
    let (done, breaches) = tally.rsplit_once(" breaches=").context("a tally ends with breaches")?;
    let breaches = number::<u32>(breaches)? + crowd.breaches;
    println!("HOSTILE ends: seed={seed} {done} {driver} {crowd} breaches={breaches}");
    fs::write(STOPPED, "").context(STOPPED)
}

/// Domain numbers, from its own nodes and from what it was told.
fn target(others: &str) -> Result<Target> {
    let mut store = Xenbus::open()?;
    let mut read = |path| -> Result<DomainId> {
        match store.read(path) {
            Ok(text) => Ok(DomainId(number(&text)?)),
            Err(error) => bail!("{path}: {error}"),
        }
    };
    let (own, backend) = (read("domid")?, read("device/vtpm/0/backend-id")?);
    let others = others.split(',').map(|text| Ok(DomainId(number(text)?)));
    Ok(Target { own, backend, others: others.collect::<Result<_>>()? })
}

fn number<N: FromStr>(text: &str) -> Result<N> {
    text.parse().ok().with_context(|| format!("{text} is no number that fits here"))
}

/// Since the start.
struct Time(Instant);

impl Clock for Time {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Rest for Time {
    fn rest(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
