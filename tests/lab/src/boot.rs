//! One boot of a machine: what the script in dom0 says, and how the boot ends.

use crate::cut;
use crate::logs::Log;
use crate::machine::{self, Event, Machine, Next, Parts, Port, Socket, Watch, Workshop};
use crate::machine::{input::Input, output};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};

/// How long a machine that crashed is listened to: a call trace follows.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A script of a machine that lives over several boots ends a boot with this exit code when the
/// machine is to be shut down in order and started again (`boot_again` of dom0's lab-lib).
pub(crate) const AGAIN: u8 = 7;

/// How a boot ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The script ended with this exit code.
    Exit(u8),
    /// The power was cut, as the script had asked.
    Cut,
}

/// Starts the machine and follows it until its boot is over. `say` gets the script's lines.
///
/// # Errors
/// The lab failed, time is up, Xen or dom0 crashed, or someone interrupted.
pub(crate) fn once(
    parts: &Parts<'_>,
    workshop: &Workshop,
    input: &Input,
    log: &Log,
    say: &mut dyn FnMut(&str),
) -> Result<End> {
    let mut machine = machine::start(parts, workshop, input, log, None)?;
    log.note(if parts.options.fast { "dom0 restored" } else { "machine started" });
    let mut boot = Boot { workshop, log, watch: Watch::default(), cut_at: None, is_cut: false };
    let exited = boot.follow(&mut machine, say)?;
    if boot.is_cut && !exited {
        return Ok(End::Cut);
    }
    if let Some(crash) = boot.watch.end() {
        return Err(crash.into());
    }
    let code = output::read(&workshop.path("out.img"), parts.options.out.as_deref());
    let code = code.with_context(|| {
        format!("QEMU said: {:?}; the whole log: {}", machine.complaints(), log.path.display())
    })?;
    if parts.options.boots && code == AGAIN {
        machine.wait_until_off(log)?;
    }
    Ok(End::Exit(code))
}

struct Boot<'a> {
    workshop: &'a Workshop,
    log: &'a Log,
    watch: Watch,
    cut_at: Option<Instant>,
    is_cut: bool,
}

impl Boot<'_> {
    /// Until the script has ended (true) or the machine is gone.
    fn follow(&mut self, machine: &mut Machine<'_>, say: &mut dyn FnMut(&str)) -> Result<bool> {
        loop {
            match machine.next_before(self.log, self.cut_at)? {
                Next::End => return Ok(false),
                Next::Nothing => self.cut(machine)?,
                Next::Event(event) if event.port == Port::Script => {
                    if event.line.starts_with("LAB-EXIT: ") {
                        return Ok(true);
                    }
                    self.heard(machine, &event, say)?;
                }
                Next::Event(event) => {
                    if let Some(crash) = self.watch.line(&event.line) {
                        machine.last_words(self.log, LAST_WORDS);
                        return Err(crash.into());
                    }
                }
            }
        }
    }

    fn heard(
        &mut self,
        machine: &Machine<'_>,
        event: &Event,
        say: &mut dyn FnMut(&str),
    ) -> Result<()> {
        if let Some(mark) = event.line.strip_prefix("LAB-MARK ") {
            self.log.note(mark);
        } else if let Some(bounds) = event.line.strip_prefix(cut::MARK) {
            if !machine.lives_over_boots() {
                bail!("only a machine that lives over several boots has power cuts (needs: boots)");
            }
            let after = cut::moment(bounds)?;
            self.log.note(&format!("the power will be cut after {:.3} s", after.as_secs_f64()));
            self.cut_at = Some(event.at + after);
        } else if let Some(word) = event.line.strip_prefix("LAB-TPM ") {
            self.tpm(machine, word)?;
        } else {
            say(&event.line);
        }
        Ok(())
    }

    /// `held` and `answers` take effect now, the name of a TPM at the next boot.
    fn tpm(&self, machine: &Machine<'_>, word: &str) -> Result<()> {
        match word {
            "held" | "answers" => machine.hold_tpm(word == "held")?,
            name => self.workshop.tpm.set(Socket::named(name)?),
        }
        self.log.note(&format!("the TPM: {word}"));
        Ok(())
    }

    /// From here on only what the machine had already sent is still to be heard.
    fn cut(&mut self, machine: &mut Machine<'_>) -> Result<()> {
        let lost = machine.cut(self.workshop)?;
        self.log.note(&format!("the power was cut; {lost}"));
        (self.cut_at, self.is_cut) = (None, true);
        Ok(())
    }
}
