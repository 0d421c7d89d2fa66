//! The sentences for people.

use crate::error::CustodyError;
use core::fmt;

/// What to do when the TPM will not give the secret back.
const RECOVER: &str = "use the recovery key";

/// Where PCRs are chosen.
const CHOOSE: &str = " (pcrs= in extra= of the manager's file at the first start, policy reseal --pcrs \
                      later)";

/// The word that passes a check over.
const FORCE: &str = "add seal=unmeasured to extra= for the first start, or --force to the command,";

pub(crate) fn write(error: &CustodyError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CustodyError as E;
    match error {
        E::Hardware(inner) => fmt::Display::fmt(inner, f),
        E::NoEntropy(inner) => fmt::Display::fmt(inner, f),
        E::Selection(inner) => fmt::Display::fmt(inner, f),
        E::NotAllocated { bank, pcrs } => write!(
            f,
            "the hardware TPM has not allocated PCRs {pcrs} of bank {bank}, so a policy over them \
             would protect nothing; choose another bank{CHOOSE}, or allocate it in the firmware's \
             settings; {FORCE} to go on without those PCRs"
        ),
        E::Unmeasured { bank, pcrs } => write!(
            f,
            "PCRs {pcrs} of bank {bank} are all zeros or all ones, so nothing was measured into \
             them and a policy over them would protect nothing; switch measured boot on in the \
             firmware's settings, or choose others{CHOOSE}; {FORCE} to seal to them all the same"
        ),
        E::NothingSelected => write!(
            f,
            "the policy looks at no PCR at all, so every boot of this machine would get the secret; \
             choose some{CHOOSE}; {FORCE} to seal to the hardware TPM alone"
        ),
        E::PcrsChanged(differences) => {
            f.write_str("the machine was booted otherwise than the policy accepts: ")?;
            for (at, (bank, pcrs)) in differences.iter().enumerate() {
                let separator = if at == 0 { "" } else { ", " };
                write!(f, "{separator}PCRs {pcrs} of bank {bank}")?;
            }
            write!(f, " differ; boot as before, or {RECOVER} and set a new policy")
        }
        _ => tpm(error, f),
    }
}

/// Errors about the TPM and its answers.
fn tpm(error: &CustodyError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CustodyError as E;
    match error {
        E::Refused { step, code } => {
            write!(f, "the hardware TPM refused {step} with response code {code:#x}")
        }
        E::Busy { step, code } => write!(
            f,
            "the hardware TPM stayed too busy for {step} (response code {code:#x}); try again later"
        ),
        E::Malformed { step } => {
            write!(f, "the hardware TPM's answer to {step} cannot be read")
        }
        E::NotAuthentic { step } => write!(
            f,
            "the answer to {step} was changed between the hardware TPM and this domain; look for \
             whatever sits between them"
        ),
        E::SlotsFull { step, code } => write!(
            f,
            "the hardware TPM has no room for {step} (response code {code:#x}); nobody but the \
             manager may use it: see that domain 0 has let go of it, and restart the machine"
        ),
        E::Lockout { step } => write!(
            f,
            "the hardware TPM is in lockout and refused {step}; wait until it ends, or reset it \
             with the lockout authorisation"
        ),
        E::PolicyFailed { step, code } => write!(
            f,
            "the policy did not hold at {step} (response code {code:#x}): PCRs changed meanwhile, \
             or an approval is not valid any more; restart the manager, or use the recovery key"
        ),
        _ => approvals(error, f),
    }
}

/// Errors about what an administrator's key approved.
fn approvals(error: &CustodyError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CustodyError as E;
    match error {
        E::NoEpoch(index) => write!(
            f,
            "the hardware TPM holds no epoch at NV index {index:#x}, without which no approval \
             holds; have it made (policy request), or if it was removed, use the recovery key"
        ),
        E::ForeignEpoch(index) => write!(
            f,
            "NV index {index:#x} of the hardware TPM is not the epoch of this store's approvals: \
             somebody removed that and made his own; {RECOVER} and find out who"
        ),
        E::OtherEpoch { approved, now } if approved < now => write!(
            f,
            "the approval is for epoch {approved}, which was retired: the hardware TPM's is {now}; \
             have the state approved for epoch {now}, or {RECOVER}"
        ),
        E::OtherEpoch { approved, now } => write!(
            f,
            "the approval is for epoch {approved}, which is not the hardware TPM's, {now}, nor the \
             next; have the state approved for epoch {now}"
        ),
        E::NotApproved { epoch } => write!(
            f,
            "the machine's present state is not approved for epoch {epoch}, so nothing would open \
             the store any more; submit an approval of it for epoch {epoch} first"
        ),
        _ => rights(error, f),
    }
}

/// Errors about authorisations and keys.
fn rights(error: &CustodyError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CustodyError as E;
    match error {
        E::NoParent(handle) => write!(
            f,
            "the hardware TPM holds no key at {handle:#x}; correct srk_handle= or take it out"
        ),
        E::NotAStorageKey(handle) => write!(
            f,
            "the key at {handle:#x} is no storage key that was made in this TPM; correct \
             srk_handle= or take it out"
        ),
        E::OtherParent { sealed: Some(handle) } => write!(
            f,
            "the secret was sealed under the key at {handle:#x}; put srk_handle={handle:#x} back, \
             or use the recovery key"
        ),
        E::OtherParent { sealed: None } => f.write_str(
            "the secret was sealed under a key of the manager's own; take srk_handle= out, or use \
             the recovery key",
        ),
        E::Deactivated { code } => write!(
            f,
            "the hardware TPM is disabled or deactivated (response code {code:#x}); enable and \
             activate it in the firmware's settings"
        ),
        E::OtherKind { sealed, found } => write!(
            f,
            "the secret was sealed to {sealed}, but {found} is in use; correct tpm2 and hwtpm= in \
             extra= of the domain's file, or use the recovery key"
        ),
        E::CounterExists(counter) => write!(
            f,
            "the hardware TPM holds counter {counter:#x} already: a store of this machine goes \
             with it; put that store's disk back (docs/rollback.md)"
        ),
        E::NoCounter(counter) => write!(
            f,
            "the hardware TPM holds no counter {counter:#x} any more: it was removed or the TPM \
             cleared, so older copies of the store cannot be told from the newest \
             (docs/rollback.md)"
        ),
        E::ForeignCounter(counter) => write!(
            f,
            "counter {counter:#x} of the hardware TPM is not this store's: it was made anew, or \
             goes with another store (docs/rollback.md)"
        ),
        E::OtherCounterActive(counter) => write!(
            f,
            "counter {counter:#x} of the hardware TPM cannot be advanced: another counter was, \
             and a TPM 1.2 takes only one until it is reset; start the machine anew and the \
             manager before whatever uses the other one"
        ),
        E::UnknownVersion(version) => write!(
            f,
            "the sealed secret has version {version}, which this manager does not know; use a \
             newer one"
        ),
        E::UnknownKind(kind) => write!(
            f,
            "the sealed secret has kind {kind}, which this manager does not know; use a newer one"
        ),
        E::UnknownPart(tag) => write!(
            f,
            "the sealed secret has a part {tag}, which this manager does not know; use a newer one"
        ),
        _ => f.write_str(fixed(error)),
    }
}

/// Sentences without figures.
fn fixed(error: &CustodyError) -> &'static str {
    use CustodyError as E;
    match error {
        E::OwnerAuth => {
            "the hardware TPM's owner authorisation is not the one given; give it with \
             owner_auth=, or on a TPM 2.0 name a persistent storage key with srk_handle="
        }
        E::ParentAuth => {
            "the authorisation of the hardware TPM's storage root key is not the one given; \
             correct srk_auth=, or on a TPM 2.0 name a key with empty authorisation by srk_handle="
        }
        E::HierarchyDisabled => {
            "the hardware TPM's owner hierarchy is switched off; switch it on in the firmware's \
             settings, or name a persistent storage key with srk_handle="
        }
        E::NoEndorsementKey => {
            "the hardware TPM has no owner and cannot be given one, since its endorsement key \
             cannot be read or made; take ownership by other means"
        }
        E::TpmCleared => {
            "the hardware TPM was cleared since the secret was sealed to it; use the recovery key \
             and seal it again"
        }
        E::OtherTpm => {
            "this is not the hardware TPM that the secret was sealed to, or its owner was cleared; \
             put the disk back into its machine, or use the recovery key and seal it again"
        }
        E::OtherLocality => {
            "the secret was sealed to another locality; put tpmlocality= back, or use the recovery \
             key"
        }
        E::NeedsRecoveryKey => {
            "a policy beyond the default may lock everybody out; set a recovery key first"
        }
        E::NoRecoveryKey => "no recovery key was ever set for this store",
        E::WrongRecoveryKey => {
            "this is not the recovery key that was set last; look for the right one"
        }
        E::MistypedRecoveryKey => {
            "this is no recovery key: a character is wrong, missing or too many; type it again"
        }
        E::BadApproval => {
            "the approval's signature is not that of the administrator's key; sign it again"
        }
        E::WrongMode => {
            "no administrator's key is enrolled, so there is nothing to approve or retire; enrol \
             one on a TPM 2.0, or change the policy without approvals"
        }
        E::Administered => {
            "an administrator's key decides what is accepted: submit its approval, or begin anew \
             with the recovery key (policy recover)"
        }
        E::WordChanged { recorded: true } => {
            "the store was made with tpm2 on the manager's command line; put tpm2 back into extra= \
             in the domain's file, or add version=changed once to go on without it"
        }
        E::WordChanged { recorded: false } => {
            "the store was made without tpm2 on the manager's command line; take tpm2 out of extra= \
             in the domain's file again, or add version=changed once to go on with it"
        }
        E::TooLarge => "the policy holds too many states of PCRs; leave out those that are over",
        E::Damaged => {
            "the sealed secret was changed or damaged; put a good copy of the disk back, or use \
             the recovery key"
        }
        _ => "the hardware TPM failed",
    }
}
