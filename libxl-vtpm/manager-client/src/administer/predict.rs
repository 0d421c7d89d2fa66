//! What a policy over a state would be.

use super::files::hex;
use crate::failure::Unusable;
use crate::print::print;
use manager_client::PcrState;
use serde_json::json;
use vtpm_custody::{approval_digest, policy_digest};

/// The state after measurements, in their order.
pub(crate) fn extended(state: PcrState, with: &[PcrState]) -> Result<PcrState, Unusable> {
    with.iter().try_fold(state, |state, measured| {
        state
            .extended(measured)
            .ok_or_else(|| {
                let of = state.selection();
                Unusable(format!("{measured} extends no PCR of {of}; name one of them, or begin with a state that has it"))
            })
    })
}

/// Prints it.
pub(crate) fn predict(state: &PcrState, epoch: Option<u64>, as_json: bool) {
    let policy = hex(&policy_digest(state, epoch));
    let to_sign = epoch.map(|epoch| hex(&approval_digest(state, epoch)));
    let value = json!({
        "state": state.to_string(),
        "epoch": epoch,
        "policy_digest": policy,
        "to_sign": to_sign,
    });
    print(as_json, value, || {
        println!("state          {state}");
        println!("policy digest  {policy}");
        if let Some(digest) = to_sign {
            println!("to sign        {digest}");
        }
    });
}
