//! `policy`: the administrator's side of custody.

mod files;
mod keys;
mod predict;
mod show;

use crate::arguments::{Offline, Policy};
use crate::failure::Unusable;
use crate::print::print;
use crate::{Way, done, force};
use anyhow::{Context, Result};
use command_line::say;
use files::{Request, read_approval, read_request};
use manager_client::{Channel, PcrState};
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Said after a recovery.
const BEFORE_NOW: &str = "the store is sealed to this machine as it is now, or in clear with \
                          hwtpm=none; if this is another TPM than before, or none, rollback \
                          before this moment cannot be detected";

/// Commands to the manager.
pub(crate) fn policy(manager: &mut Channel, command: Policy, json: bool) -> Result<()> {
    match command {
        Policy::Show => return show::show(manager, json),
        Policy::Reseal { pcrs, force: forced } => {
            let pcrs = pcrs.map(|pcrs| pcrs.to_string()).unwrap_or_default();
            manager.reseal(&pcrs, &[], force(forced))?;
        }
        Policy::Add { states, force: forced } => manager.add_states(&states, force(forced))?,
        Policy::Drop { force: forced } => manager.drop_states(force(forced))?,
        Policy::RecoveryKey { to, replace } => {
            return keys::hand_out(to, json, || Ok(manager.new_recovery_key(force(replace))?));
        }
        Policy::Recover { key, force: forced } => {
            let key = Zeroizing::new(files::read(key.as_deref(), "name the recovery key's file")?);
            manager.recover(key.trim(), force(forced))?;
            print(json, json!({ "done": true, "note": BEFORE_NOW }), || println!("{BEFORE_NOW}"));
            return Ok(());
        }
        Policy::Request { state, next } => return request(manager, state, next),
        Policy::Enrol { key, approvals } => {
            let key = keys::public(&key)?;
            let approvals: Result<Vec<_>> =
                approvals.iter().map(|path| read_approval(path)).collect();
            manager.enrol(key, &approvals?)?;
        }
        Policy::Submit { approval } => manager.submit(&read_approval(&approval)?)?,
        Policy::Retire => {
            let epoch = manager.retire()?;
            print(json, json!({ "epoch": epoch }), || println!("epoch {epoch} has begun"));
            return Ok(());
        }
        Policy::Offline(_) => {}
    }
    done(json);
    Ok(())
}

/// What is to be approved is a file for the administrator, so it is always JSON.
fn request(manager: &mut Channel, state: Option<PcrState>, next: bool) -> Result<()> {
    let state = state.map_or_else(|| manager.present(""), Ok)?;
    let now = manager.prepare_epoch()?;
    let epoch = now.saturating_add(u64::from(next));
    hand_out(&Request { state, epoch }.to_json())
}

/// What is a file for somebody.
fn hand_out(value: &Value) -> Result<()> {
    say::hand_out(&value.to_string())
        .context("standard output cannot be written; name another file")
}

/// Commands that need no manager, or only its present state.
pub(crate) fn offline(way: &Way, command: Offline, json: bool) -> Result<()> {
    match command {
        Offline::Predict { state, extend, epoch } => {
            let state = match state {
                Some(state) => state,
                None => way.take()?.present("")?,
            };
            predict::predict(&predict::extended(state, &extend)?, epoch, json);
        }
        Offline::NewKey { key } => {
            let public = keys::new(&key)?;
            let value = json!({ "private": key, "public": public });
            print(json, value, || println!("{} and {}", key.display(), public.display()));
        }
        Offline::Approve { key, request, state, epoch } => {
            let asked = match (request, state, epoch) {
                (Some(path), ..) => read_request(&path)?,
                (None, Some(state), Some(epoch)) => Request { state, epoch },
                _ => return Err(Unusable("there is nothing to approve".into()).into()),
            };
            let approval = keys::approve(&key, asked)?;
            eprintln!("approved for epoch {}: {}", approval.epoch, approval.state);
            hand_out(&files::approval_json(&approval))?;
        }
    }
    Ok(())
}
