//! dom0 for people: a shell on this terminal.

use crate::interrupt;
use crate::logs::Log;
use crate::machine::{self, Options, Parts, Workshop, output};
use crate::place::Place;
use crate::run;
use anyhow::Result;
use rustix::termios::{self, OptionalActions, Termios};
use std::io::{self, IsTerminal, Read, Stdin, Write};
use std::thread;

/// Ctrl-]: leaves a shell that no longer answers.
const LEAVE: u8 = 0x1d;
/// Ctrl-D: what a shell takes for the end of its input.
const END: u8 = 0x04;

/// Opens a shell in a dom0 of its own; its exit code.
///
/// # Errors
/// The lab failed, the time limit was reached, or the shell was left by Ctrl-].
pub fn open(place: &Place, options: &Options, log: &Log) -> Result<u8> {
    let mut input = run::given(place, options)?;
    input.text("lab/.start", 0o755, start_script(options));
    let parts = Parts::gather(place, options)?;
    let workshop = Workshop::new()?;
    let screen = Box::new(io::stdout());
    let mut machine = machine::start(&parts, &workshop, &input, log, Some(screen))?;
    log.note("dom0's shell; \"exit\" powers the machine off, Ctrl-] kills it");
    let _terminal = RawTerminal::enter()?;
    let keyboard = machine.serial.keyboard()?;
    thread::spawn(move || type_into(keyboard));
    while let Some(event) = machine.next(log)? {
        if event.line.starts_with("LAB-EXIT: ") {
            break;
        }
    }
    output::read(&workshop.path("out.img"), options.out.as_deref())
}

/// A login on the script's port, with the size of this terminal.
fn start_script(options: &Options) -> String {
    let mut text = String::from("#!/bin/bash\ncd /lab\n");
    text += &run::exports(&options.environment);
    let size = termios::tcgetwinsize(io::stdin()).ok().filter(|size| size.ws_row > 0);
    let (rows, columns) = size.map_or((24, 80), |size| (size.ws_row, size.ws_col));
    let kind = std::env::var("TERM").unwrap_or_else(|_| "dumb".into());
    text += &format!("export TERM={} PS1='dom0:\\w# '\n", run::quoted(&kind));
    text += &format!("stty -F /dev/ttyS1 sane rows {rows} cols {columns}\n");
    text + "setsid -c bash --norc -i </dev/ttyS1 >/dev/ttyS1 2>&1\nrc=$?\n\
            stty -F /dev/ttyS1 raw -echo\nexit $rc\n"
}

fn type_into(mut keyboard: impl Write) {
    let mut bytes = [0; 256];
    loop {
        let count = io::stdin().read(&mut bytes).unwrap_or(0);
        if bytes[..count].contains(&LEAVE) {
            return interrupt::ask();
        }
        let typed = if count == 0 { &[END][..] } else { &bytes[..count] };
        if keyboard.write_all(typed).is_err() || count == 0 {
            return;
        }
    }
}

/// While it lives, keys reach dom0 as they are pressed. Nothing is done to what is no terminal.
struct RawTerminal(Option<(Stdin, Termios)>);

impl RawTerminal {
    fn enter() -> Result<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self(None));
        }
        let before = termios::tcgetattr(&stdin)?;
        let mut raw = before.clone();
        raw.make_raw();
        termios::tcsetattr(&stdin, OptionalActions::Now, &raw)?;
        Ok(Self(Some((stdin, before))))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        if let Some((stdin, before)) = &self.0 {
            let _terminal_is_gone = termios::tcsetattr(stdin, OptionalActions::Now, before);
        }
    }
}
