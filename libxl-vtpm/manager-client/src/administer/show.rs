//! What the policy is, for people and as JSON.

use super::files::hex;
use crate::print::print;
use anyhow::Result;
use manager_client::{Accepted, Channel, PcrState, PolicyReport};
use serde_json::json;

/// Asks for everything and prints it.
pub(crate) fn show(manager: &mut Channel, as_json: bool) -> Result<()> {
    let report = manager.policy()?;
    let accepted = manager.accepted(&report)?;
    let present = if accepted.is_empty() { None } else { Some(manager.present("")?) };
    let words = Words { report, accepted, present };
    print(as_json, words.json(), || words.print());
    Ok(())
}

struct Words {
    report: PolicyReport,
    accepted: Vec<Accepted>,
    present: Option<PcrState>,
}

impl Words {
    fn sealed_to(&self) -> &'static str {
        let kinds = ["nothing", "TPM 1.2", "TPM 2.0"];
        kinds.get(usize::from(self.report.kind)).copied().unwrap_or("unknown")
    }

    /// x and y, one after the other.
    fn administrator(&self) -> Option<String> {
        self.report.administrator.map(|key| hex(&[key.x, key.y].concat()))
    }

    /// Whether a state is the present one and its epoch the present epoch.
    fn holds(&self, way: &Accepted) -> bool {
        Some(&way.state) == self.present.as_ref() && way.epoch == self.report.epoch
    }

    fn json(&self) -> serde_json::Value {
        let way = |way: &Accepted| {
            json!({
                "state": way.state.to_string(),
                "pcrs": way.state.selection().to_string(),
                "epoch": way.epoch,
                "holds_now": self.holds(way),
            })
        };
        json!({
            "sealed_to": self.sealed_to(),
            "recovery_key": self.report.has_recovery_key,
            "administrator_key": self.administrator(),
            "epoch": self.report.epoch,
            "forced": self.report.forced,
            "accepts": self.accepted.iter().map(way).collect::<Vec<_>>(),
            "present": self.present.as_ref().map(PcrState::to_string),
        })
    }

    fn print(&self) {
        let Self { report, accepted, present } = self;
        let force = if report.forced { ", by force" } else { "" };
        println!("sealed to      {}{force}", self.sealed_to());
        println!("recovery key   {}", if report.has_recovery_key { "yes" } else { "none" });
        if let Some(key) = self.administrator() {
            println!("decided by     the key {key}");
        }
        if let Some(epoch) = report.epoch {
            println!("epoch          {epoch}");
        }
        for way in accepted {
            let epoch = way.epoch.map_or_else(String::new, |epoch| format!(" in epoch {epoch}"));
            println!("accepts        {}{epoch}", way.state);
        }
        if let Some(state) = present {
            println!("present        {state}");
        }
    }
}
