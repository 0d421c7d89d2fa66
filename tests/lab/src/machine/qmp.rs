//! QEMU's control socket (QEMU Machine Protocol): one JSON object per line.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// QEMU answers within this, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Takes the greeting and leaves negotiation mode.
    pub(super) fn greet(stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut qmp = Self { stream: BufReader::new(stream) };
        qmp.read()?;
        qmp.execute("qmp_capabilities")?;
        Ok(qmp)
    }

    pub(super) fn execute(&mut self, name: &str) -> Result<Value> {
        self.send(&json!({ "execute": name }))
    }

    pub(super) fn execute_with(&mut self, name: &str, arguments: &Value) -> Result<Value> {
        self.send(&json!({ "execute": name, "arguments": arguments }))
    }

    /// The machine's run state: "running", "paused", "inmigrate", ...
    pub(super) fn status(&mut self) -> Result<String> {
        let answer = self.execute("query-status")?;
        Ok(answer["status"].as_str().context("QEMU told no status")?.to_owned())
    }

    fn send(&mut self, message: &Value) -> Result<Value> {
        // In one piece: QEMU acts on the last brace, and after "quit" nobody reads what follows.
        self.stream.get_mut().write_all(format!("{message}\n").as_bytes())?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                bail!("QEMU refused {}: {}", message["execute"], error["desc"]);
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).context("QEMU's control socket")? == 0 {
            bail!("QEMU closed its control socket");
        }
        Ok(serde_json::from_str(&line)?)
    }
}
