//! Through the stock driver: it is unbound and bound without a pause, its nodes change under it, and its
//! device is flooded.

use crate::store::Xenbus;
use anyhow::Result;
use domain_io::Xenstore;
use hostile_stubdom::{Random, Rest, Target, sound_commands};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DRIVER: &str = "/sys/bus/xen/drivers/vtpm";
const DEVICE: &str = "vtpm-0";
const FRONTEND: &str = "device/vtpm/0";
/// What the processes that flood leave behind them: how many commands they sent, and had answered.
const FLOODED: &str = "/run/hostile-flooded";

/// How long the driver may take for one thing; it waits for its backend.
const PATIENCE: Duration = Duration::from_millis(1500);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The driver, and what was done by it.
pub(crate) struct Driver {
    store: Xenbus,
    backend: [(&'static str, String); 2],
    pub(crate) flooding: Option<Flooding>,
    binds: u32,
    bound: u32,
    unbinds: u32,
    floods: u32,
    nodes: u32,
}

/// A process that floods; it ends when this goes.
pub(crate) struct Flooding(Child);

impl Drop for Flooding {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _same = self.0.wait();
    }
}

impl Driver {
    pub(crate) fn new(target: &Target) -> Result<Self> {
        let path = format!("/local/domain/{}/backend/vtpm/{}/0", target.backend, target.own);
        let backend = [("backend", path), ("backend-id", target.backend.to_string())];
        let (binds, bound, unbinds, floods, nodes) = (0, 0, 0, 0, 0);
        let store = Xenbus::open()?;
        fs::write(FLOODED, "")?;
        Ok(Self { store, backend, flooding: None, binds, bound, unbinds, floods, nodes })
    }

    /// Some seconds of it. The driver finds its backend again at most times, and somebody else's at others.
    pub(crate) fn turn(&mut self, random: &mut Random, time: &mut impl Rest) {
        if random.below(4) != 0 {
            for (name, value) in &self.backend {
                let _quota = self.store.write(&format!("{FRONTEND}/{name}"), value);
            }
        }
        for _ in 0..random.small(3) {
            self.bind(time);
            self.unbind();
        }
        self.bind(time);
        if self.flood(random.draw()) {
            for _ in 0..random.small(6) {
                time.rest(Duration::from_millis(random.below(60).into()));
                self.node(random);
            }
            time.rest(Duration::from_millis(random.below(1500).into()));
        }
    }

    /// Binds it in a process of its own, which may have to be ended.
    fn bind(&mut self, time: &mut impl Rest) {
        self.binds += 1;
        let echo = format!("echo {DEVICE} >{DRIVER}/bind");
        let Ok(child) = quiet(Command::new("sh").arg("-c").arg(echo)).spawn() else { return };
        let mut child = Flooding(child);
        let end = time.now() + PATIENCE;
        while time.now() < end && matches!(child.0.try_wait(), Ok(None)) {
            time.rest(LOOK_AGAIN);
        }
        drop(child);
        self.bound += u32::from(fs::exists("/dev/tpm0").unwrap_or(false));
    }

    /// Takes the device from the driver, also from under a flood.
    pub(crate) fn unbind(&mut self) {
        self.unbinds += u32::from(fs::write(format!("{DRIVER}/unbind"), DEVICE).is_ok());
        self.flooding = None;
    }

    fn flood(&mut self, seed: u64) -> bool {
        let Ok(own) = std::env::current_exe() else { return false };
        let flood = quiet(Command::new(own).args(["flood", &seed.to_string(), "4"])).spawn();
        self.flooding = flood.ok().map(Flooding);
        self.floods += u32::from(self.flooding.is_some());
        self.flooding.is_some()
    }

    /// One of the driver's nodes changes while it works.
    fn node(&mut self, random: &mut Random) {
        let name = random.pick(&["state", "ring-ref", "event-channel", "feature-protocol-v2", "x"]);
        let value = match random.below(3) {
            0 => random.below(10).to_string(),
            1 => random.draw().to_string(),
            _ => "nonsense".into(),
        };
        let _quota = self.store.write(&format!("{FRONTEND}/{name}"), &value);
        self.nodes += 1;
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { binds, bound, unbinds, floods, nodes, .. } = self;
        let all = fs::read_to_string(FLOODED).unwrap_or_default();
        let pairs = all.lines().filter_map(|line| line.split_once(' '));
        let (sent, answered) = pairs.fold((0, 0), |(sent, answered), (s, a)| {
            (sent + s.parse().unwrap_or(0), answered + a.parse().unwrap_or(0u64))
        });
        let sent: u64 = sent;
        write!(
            f,
            "bind={binds} bound={bound} unbind={unbinds} node-under-driver={nodes} floods={floods} \
             flood-commands={sent} flood-answers={answered}"
        )
    }
}

/// Sends commands to the driver's device as fast as it takes them: sound ones, ones cut short or with any byte
/// changed, and some whose answers nobody reads.
///
/// # Errors
/// The counts cannot be kept.
pub(crate) fn flood(seed: u64, time: Duration) -> Result<()> {
    let (mut random, began) = (Random::new(seed), Instant::now());
    let commands: Vec<_> = sound_commands().collect();
    // Written at once: this process may be ended in the middle of a command.
    let mut counts = OpenOptions::new().append(true).open(FLOODED)?;
    while began.elapsed() < time {
        if let Ok(mut tpm) = OpenOptions::new().read(true).write(true).open("/dev/tpm0") {
            for _ in 0..random.small(5) {
                let Some(packet) = commands.get(random.below(10) as usize) else { continue };
                let packet = changed(packet.clone(), &mut random);
                match tpm.write(&packet) {
                    Ok(_) => writeln!(counts, "1 0")?,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(_) => break,
                }
                let mut answer = [0; 4096];
                if !random.once_in(8) && tpm.read(&mut answer).is_ok_and(|length| length >= 10) {
                    writeln!(counts, "0 1")?;
                }
            }
        } else {
            std::thread::sleep(LOOK_AGAIN);
        }
    }
    Ok(())
}

fn changed(mut packet: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let any = random.below(4096) as usize;
    match random.below(6) {
        0 => packet.truncate(any % packet.len().max(1)),
        1 => {
            let at = any % packet.len().max(1);
            if let Some(byte) = packet.get_mut(at) {
                *byte = random.byte();
            }
        }
        2 => packet.resize(packet.len() + any, random.byte()),
        _ => {}
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_sound_commands_and_others() {
        let mut random = Random::new(7);
        let sound: Vec<_> = sound_commands().collect();
        let sent: Vec<_> = (0..200).map(|_| changed(sound[0].clone(), &mut random)).collect();
        let same = sent.iter().filter(|packet| **packet == sound[0]).count();
        assert!((50..190).contains(&same), "{same}");
        assert!(sent.iter().any(|packet| packet.len() < sound[0].len()));
        assert!(sent.iter().any(|packet| packet.len() > sound[0].len()));
    }
}
