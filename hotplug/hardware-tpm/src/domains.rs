//! Whether a manager runs.

use crate::error::Error;
use crate::roots::Roots;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// xenstored answers in milliseconds, or not at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The id of a domain that says of itself that it is a manager, by its node `data/vtpmmgr/state`.
/// Every domain may write such a node; a false one costs a question. `None` in a tree that is not
/// this machine, and without Xen's tools.
pub(crate) fn manager(roots: &Roots) -> Result<Option<String>, Error> {
    if !roots.is_this_machine() {
        return Ok(None);
    }
    let Some(ids) = ask("xenstore-list", "/local/domain")? else { return Ok(None) };
    for id in ids.split_whitespace().filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())) {
        let state = format!("/local/domain/{id}/data/vtpmmgr/state");
        if ask("xenstore-read", &state)?.is_some_and(|state| state.trim() != "failed") {
            return Ok(Some(id.into()));
        }
    }
    Ok(None)
}

/// A program's output; `None` when it is not installed, or its answer is no.
fn ask(name: &'static str, argument: &str) -> Result<Option<String>, Error> {
    let mut command = Command::new(name);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else { return Ok(None) };
    let fault = |what: String| Error::Program { name, what };
    if !ended(&mut child).map_err(|error| fault(error.to_string()))? {
        return Err(fault(format!(
            "no answer within {} s; is xenstored alive?",
            PATIENCE.as_secs()
        )));
    }
    let (mut said, status) = (String::new(), child.wait());
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut said).map_err(|error| fault(error.to_string()))?;
    }
    Ok(status.is_ok_and(|status| status.success()).then_some(said))
}

fn ended(child: &mut Child) -> std::io::Result<bool> {
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}
