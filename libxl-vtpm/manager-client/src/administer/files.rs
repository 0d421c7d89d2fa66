//! Requests and approvals as files (docs/formats/manager-commands.md).

use crate::failure::Unusable;
use anyhow::{Context, Result};
use manager_client::{Approval, PcrState};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

/// The most bytes that any of these files has.
const MOST_BYTES: u64 = 1 << 20;

/// What an administrator is asked to approve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) state: PcrState,
    pub(crate) epoch: u64,
}

impl Request {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "state": self.state.to_string(), "epoch": self.epoch })
    }
}

pub(crate) fn approval_json(approval: &Approval) -> Value {
    let mut value = Request { state: approval.state.clone(), epoch: approval.epoch }.to_json();
    value["signature"] = json!(hex(&approval.signature));
    value
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A whole file, or standard input for `-` and where none is named.
pub(crate) fn read(path: Option<&Path>) -> Result<String> {
    let mut text = String::new();
    let name = path.filter(|path| *path != Path::new("-"));
    let read = match name {
        None => stdin().take(MOST_BYTES).read_to_string(&mut text),
        Some(path) => {
            File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
        }
    };
    let shown = name.map_or_else(|| "standard input".into(), |path| path.display().to_string());
    read.map_err(|error| Unusable(format!("{shown}: {error}")))?;
    Ok(text)
}

pub(crate) fn read_request(path: &Path) -> Result<Request> {
    request_of(&parsed(path)?).with_context(|| path.display().to_string())
}

pub(crate) fn read_approval(path: &Path) -> Result<Approval> {
    approval_of(&parsed(path)?).with_context(|| path.display().to_string())
}

fn parsed(path: &Path) -> Result<Value> {
    let text = read(Some(path))?;
    let value = serde_json::from_str(&text);
    Ok(value.map_err(|error| Unusable(format!("{} is no JSON: {error}", path.display())))?)
}

fn request_of(value: &Value) -> Result<Request, Unusable> {
    let state = value["state"].as_str().ok_or_else(|| Unusable("it has no \"state\"".into()))?;
    let state = PcrState::parse(state).map_err(|error| Unusable(error.to_string()))?;
    let epoch = value["epoch"].as_u64().filter(|epoch| *epoch != 0);
    let epoch = epoch.ok_or_else(|| Unusable("it has no \"epoch\"".into()))?;
    Ok(Request { state, epoch })
}

fn approval_of(value: &Value) -> Result<Approval, Unusable> {
    let Request { state, epoch } = request_of(value)?;
    let missing = || Unusable("its \"signature\" is missing or has not 128 digits".into());
    let digits = value["signature"].as_str().ok_or_else(missing)?;
    let signature = signature(digits).ok_or_else(missing)?;
    Ok(Approval { state, epoch, signature })
}

fn signature(digits: &str) -> Option<[u8; 64]> {
    let mut signature = [0; 64];
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != signature.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in signature.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(pair, 16).ok().filter(|_| !pair.starts_with('+'))?;
    }
    Some(signature)
}
